// A message that cannot be worked on: it is tried three times, then it goes to a topic for dead letters, and the work goes on behind it.
import { KafkaClient, KeyedProducer, SimpleConsumer, withOffsets } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { jobs: 1, 'jobs-dead': 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await using producer = new KeyedProducer(client);
await using consumer = new SimpleConsumer(client, { topic: 'jobs', groupId: 'workers', autoCommit: false });
await producer.sendMessages('jobs', 'queue', '{"id":1}', 'not JSON', '{"id":3}');

for (let done = 0; done < 3; ) {
  try {
    done += await withOffsets(
      consumer,
      async context => {
        const [message] = await consumer.getMessages(1, { timeoutMs: 1000 });
        if (message === undefined) return 0;
        try {
          const { id } = JSON.parse(String(message.value));
          console.log(`job ${id} done`);
        } catch (error) {
          if (context.attempt < 3) throw error; // everything stands where it stood: it comes again
          // Before the commit: a crash between the two stores the dead letter twice, and never loses it.
          await producer.send({ topic: 'jobs-dead', key: message.key, value: message.value, headers: { offset: String(message.offset) } });
          console.log(`offset ${message.offset} is dead after ${context.attempt} attempts`);
        }
        context.mark(message);
        return 1;
      },
      { rollbackBackoffMs: 10 },
    );
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    console.log('failed, comes again');
  }
}
console.log(`committed: ${await consumer.committed(0)}`);
