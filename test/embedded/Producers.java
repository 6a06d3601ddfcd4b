import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** What Java's own producers do with a cluster: `idempotent` or `transactional`, then addresses and a topic. Prints what became of it. */
public class Producers {
    private static String bootstrap;
    private static String topic;

    public static void main(String[] args) throws Exception {
        bootstrap = args[1];
        topic = args[2];
        if (args[0].equals("idempotent")) idempotent();
        else transactional();
    }

    /** Sends many records in small batches, five requests in flight, and waits for all of them. */
    private static void idempotent() throws Exception {
        try (KafkaProducer<String, String> producer = producer(Map.of("batch.size", "200", "linger.ms", "1"))) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < 500; i++) sent.add(producer.send(new ProducerRecord<>(topic, 0, "key", "value " + i)));
            for (Future<RecordMetadata> each : sent) System.out.println("stored at " + each.get().offset());
        }
    }

    private static void transactional() throws Exception {
        KafkaProducer<String, String> first = producer(Map.of("transactional.id", "java-" + topic));
        first.initTransactions();
        first.beginTransaction();
        send(first, "committed 1", "committed 2");
        first.commitTransaction();

        first.beginTransaction();
        send(first, "aborted 1", "aborted 2");
        first.flush();
        first.abortTransaction();

        first.beginTransaction();
        first.abortTransaction();

        first.beginTransaction();
        send(first, "committed 3");
        Map<TopicPartition, OffsetAndMetadata> offsets = Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(3, "read"));
        first.sendOffsetsToTransaction(offsets, new ConsumerGroupMetadata("group-" + topic));
        first.commitTransaction();

        first.beginTransaction();
        send(first, "of a zombie");
        first.flush();

        try (KafkaProducer<String, String> second = producer(Map.of("transactional.id", "java-" + topic))) {
            second.initTransactions();
            try {
                first.send(new ProducerRecord<>(topic, 0, null, "too late")).get();
                first.commitTransaction();
                System.out.println("the zombie lives");
            } catch (ExecutionException error) {
                System.out.println("the zombie's send: " + error.getCause().getClass().getSimpleName());
            } catch (KafkaException error) {
                System.out.println("the zombie: " + error.getClass().getSimpleName());
            }
            first.close(Duration.ZERO);
            second.beginTransaction();
            send(second, "committed 4");
            second.commitTransaction();
        }
        read("read_committed");
        read("read_uncommitted");
    }

    private static void send(KafkaProducer<String, String> producer, String... values) {
        for (int partition = 0; partition < 2; partition++) {
            for (String value : values) producer.send(new ProducerRecord<>(topic, partition, null, value));
        }
    }

    private static void read(String isolation) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("isolation.level", isolation);
        properties.put("group.id", "group-" + topic);
        properties.put("enable.auto.commit", "false");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
            for (int partition = 0; partition < 2; partition++) {
                TopicPartition one = new TopicPartition(topic, partition);
                consumer.assign(List.of(one));
                consumer.seekToBeginning(List.of(one));
                long end = consumer.endOffsets(List.of(one)).get(one);
                while (consumer.position(one) < end) {
                    for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
                        System.out.println(isolation + " " + record.partition() + ": " + record.value());
                    }
                }
            }
            TopicPartition zero = new TopicPartition(topic, 0);
            System.out.println("committed: " + consumer.committed(Set.of(zero)).get(zero));
        }
    }

    private static KafkaProducer<String, String> producer(Map<String, String> more) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("retry.backoff.ms", "10");
        properties.put("delivery.timeout.ms", "30000");
        properties.put("request.timeout.ms", "10000");
        properties.putAll(more);
        return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }
}
