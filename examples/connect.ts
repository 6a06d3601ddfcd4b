// Connects, and says what is wrong when it cannot.
import { KafkaClient, KafkaError } from 'tidemark';

const client = new KafkaClient({ brokers: process.env['KAFKA_BROKERS'] ?? '127.0.0.1:1', retry: { attempts: 2 } });
try {
  await client.connect({ timeoutMs: 5000 });
  const { brokers } = await client.metadata([]);
  console.log(`connected to ${brokers.size} broker(s)`);
} catch (error) {
  if (!(error instanceof KafkaError)) throw error;
  // The code is for programs, the message for people.
  console.log(`${error.code}: ${error.message}`);
} finally {
  await client.close();
}
