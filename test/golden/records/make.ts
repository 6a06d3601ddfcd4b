import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kafkaRecords, RECORDS_FOLDER } from '../../records/kafka-records.js';

// Writes batches.jsonl, message-sets.jsonl and murmur2.txt anew from Kafka's own classes. Run it by hand after changing KafkaRecords.java:
//   npm run build && node dist/test/golden/records/make.js

writeFileSync(join(RECORDS_FOLDER, 'batches.jsonl'), await kafkaRecords('write'));
writeFileSync(join(RECORDS_FOLDER, 'message-sets.jsonl'), await kafkaRecords('write-old'));
writeFileSync(join(RECORDS_FOLDER, 'murmur2.txt'), await kafkaRecords('murmur2'));
