import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

/**
 * What Kafka's own assignors make of random groups, and what their members tell each other.
 *
 * "groups" writes groups, an empty line behind each, as rounds of one line: topics|members|range|roundrobin|sticky|cooperative-sticky.
 * Topics t0 to t9, as digit and count, numbers up to 35 as one character: "03 1a". Members, as letter, the topics it wants, "@" and the
 * round (which is the generation) whose assignment it claims to hold, or "-", and "/" and its instance id if it is static: "a01@2/k".
 * Assignments, as letter and, by topic, the partitions: "a0012,13" is t0 0 to 2 and t1 3.
 *
 * Letters are a to o only: Java's hash maps of up to 24 of them are in alphabetical order, so that nothing hangs on chance.
 *
 * "messages" writes what a member sends, a line each: kind, version, bytes in hex.
 */
public class KafkaAssignors {
    static final String[] NAMES = {"range", "roundrobin", "sticky", "cooperative-sticky"};

    public static void main(String[] arguments) {
        if (arguments[0].equals("messages")) messages();
        else for (int seed = 1; seed <= 240; seed++) new Group(seed).run();
    }

    static ConsumerPartitionAssignor assignor(String name) {
        switch (name) {
            case "range": return new RangeAssignor();
            case "roundrobin": return new RoundRobinAssignor();
            case "sticky": return new StickyAssignor();
            default: return new CooperativeStickyAssignor();
        }
    }

    static class Member {
        final Set<Integer> topics = new TreeSet<>();
        /** Its last assignments: by round, by assignor. */
        final TreeMap<Integer, Map<String, List<TopicPartition>>> had = new TreeMap<>();
        String instanceId;
        int claims = -1;
    }

    static class Group {
        final Random random;
        final boolean alike;
        final int[] counts = new int[6];
        final boolean[] exists = new boolean[6];
        final TreeMap<String, Member> members = new TreeMap<>();
        final Set<Integer> wanted = new TreeSet<>();

        Group(int seed) {
            random = new Random(seed);
            alike = random.nextInt(5) < 3;
            for (int i = 0; i < counts.length; i++) {
                counts[i] = 1 + random.nextInt(random.nextInt(3) == 0 ? 20 : 7);
                exists[i] = random.nextInt(6) > 0;
            }
            fill(wanted);
            int size = 1 + random.nextInt(8);
            while (members.size() < size) join();
        }

        void run() {
            int rounds = 2 + random.nextInt(3);
            for (int round = 0; round < rounds; round++) {
                if (round > 0) change(round);
                System.out.println(assign(round));
            }
            System.out.println();
        }

        void fill(Set<Integer> topics) {
            topics.clear();
            int size = 1 + random.nextInt(4);
            while (topics.size() < size) topics.add(random.nextInt(counts.length));
        }

        void join() {
            String name = String.valueOf((char) ('a' + random.nextInt(15)));
            if (members.containsKey(name)) return;
            Member member = new Member();
            if (alike) member.topics.addAll(wanted);
            else fill(member.topics);
            if (random.nextInt(4) == 0) member.instanceId = String.valueOf((char) ('a' + 25 - (name.charAt(0) - 'a')));
            members.put(name, member);
        }

        void change(int round) {
            for (Member member : members.values()) {
                // Mostly what it was given last; now and then it has missed that, and holds what was before.
                Integer older = member.had.lowerKey(member.had.lastKey());
                member.claims = older != null && random.nextInt(8) == 0 ? older : member.had.lastKey();
            }
            int changes = random.nextInt(4);
            for (int i = 0; i < changes; i++) {
                switch (random.nextInt(6)) {
                    case 0:
                    case 1:
                        join();
                        break;
                    case 2:
                    case 3:
                        if (members.size() > 1) members.remove(new ArrayList<>(members.keySet()).get(random.nextInt(members.size())));
                        break;
                    case 4:
                        int topic = random.nextInt(counts.length);
                        if (exists[topic] && random.nextBoolean()) counts[topic] = Math.min(35, counts[topic] + 1 + random.nextInt(5));
                        else exists[topic] = !exists[topic];
                        break;
                    default:
                        if (alike) {
                            fill(wanted);
                            for (Member member : members.values()) member.topics.clear();
                            for (Member member : members.values()) member.topics.addAll(wanted);
                        } else fill(new ArrayList<>(members.values()).get(random.nextInt(members.size())).topics);
                }
            }
        }

        String assign(int round) {
            List<String> line = new ArrayList<>();
            List<String> topics = new ArrayList<>();
            for (int i = 0; i < counts.length; i++) if (exists[i]) topics.add(i + Integer.toString(counts[i], 36));
            line.add(String.join(" ", topics));
            line.add(members.entrySet().stream().map(entry -> described(entry.getKey(), entry.getValue())).collect(Collectors.joining(" ")));
            for (String name : NAMES) line.add(written(assigned(name)));
            TreeMap<String, Map<String, List<TopicPartition>>> given = new TreeMap<>();
            for (String name : NAMES) assigned(name).forEach((id, list) -> given.computeIfAbsent(id, key -> new TreeMap<>()).put(name, list));
            members.forEach((id, member) -> member.had.put(round, given.get(id)));
            return String.join("|", line);
        }

        Map<String, List<TopicPartition>> assigned(String name) {
            Node node = new Node(1, "host", 9092);
            List<PartitionInfo> infos = new ArrayList<>();
            for (int i = 0; i < counts.length; i++)
                for (int p = 0; exists[i] && p < counts[i]; p++) infos.add(new PartitionInfo("t" + i, p, node, new Node[] {node}, new Node[] {node}));
            Cluster cluster = new Cluster("cluster", List.of(node), infos, Set.of(), Set.of());
            TreeMap<String, Subscription> subscriptions = new TreeMap<>();
            members.forEach((id, member) -> subscriptions.put(id, subscription(name, member)));
            Map<String, List<TopicPartition>> found = new TreeMap<>();
            assignor(name).assign(cluster, new GroupSubscription(subscriptions)).groupAssignment()
                .forEach((id, assignment) -> found.put(id, assignment.partitions()));
            return found;
        }

        static Subscription subscription(String name, Member member) {
            List<String> topics = member.topics.stream().map(topic -> "t" + topic).collect(Collectors.toList());
            List<TopicPartition> had = member.claims < 0 ? List.of() : member.had.get(member.claims).get(name);
            ConsumerPartitionAssignor own = assignor(name);
            if (member.claims >= 0) own.onAssignment(new Assignment(had), new ConsumerGroupMetadata("group", member.claims, "id", Optional.empty()));
            List<TopicPartition> owned = name.equals("cooperative-sticky") ? had : List.of();
            Subscription subscription = new Subscription(topics, own.subscriptionUserData(Set.of()), owned, member.claims, Optional.empty());
            subscription.setGroupInstanceId(Optional.ofNullable(member.instanceId));
            return subscription;
        }

        static String described(String id, Member member) {
            String topics = member.topics.stream().map(String::valueOf).collect(Collectors.joining());
            return id + topics + (member.claims < 0 ? "-" : "@" + member.claims) + (member.instanceId == null ? "" : "/" + member.instanceId);
        }
    }

    static String written(Map<String, List<TopicPartition>> assignment) {
        return assignment.entrySet().stream().map(entry -> entry.getKey() + written(entry.getValue())).collect(Collectors.joining(" "));
    }

    static String written(Collection<TopicPartition> partitions) {
        TreeMap<String, TreeSet<Integer>> byTopic = new TreeMap<>();
        for (TopicPartition each : partitions) byTopic.computeIfAbsent(each.topic(), key -> new TreeSet<>()).add(each.partition());
        return byTopic.entrySet().stream()
            .map(entry -> entry.getKey().substring(1) + entry.getValue().stream().map(p -> Integer.toString(p, 36)).collect(Collectors.joining()))
            .collect(Collectors.joining(","));
    }

    static void messages() {
        List<TopicPartition> owned = List.of(new TopicPartition("a", 7), new TopicPartition("b", 0), new TopicPartition("b", 2));
        ByteBuffer userData = ByteBuffer.wrap(new byte[] {1, 2, 3});
        Subscription full = new Subscription(List.of("b", "a", "caf\u00e9"), userData, owned, 5, Optional.of("rack-1"));
        Subscription bare = new Subscription(List.of());
        for (short version = 0; version <= 3; version++) {
            write("subscription full", version, ConsumerProtocol.serializeSubscription(full, version));
            write("subscription bare", version, ConsumerProtocol.serializeSubscription(bare, version));
            write("assignment full", version, ConsumerProtocol.serializeAssignment(new Assignment(owned, userData), version));
            write("assignment bare", version, ConsumerProtocol.serializeAssignment(new Assignment(List.of()), version));
        }
        write("sticky new", 1, new StickyAssignor().subscriptionUserData(Set.of()));
        for (ConsumerPartitionAssignor assignor : List.of(new StickyAssignor(), new CooperativeStickyAssignor())) {
            if (assignor instanceof CooperativeStickyAssignor) write("cooperative-sticky new", 0, assignor.subscriptionUserData(Set.of()));
            assignor.onAssignment(new Assignment(owned), new ConsumerGroupMetadata("group", 7, "id", Optional.empty()));
            write(assignor.name() + " full", assignor instanceof StickyAssignor ? 1 : 0, assignor.subscriptionUserData(Set.of()));
        }
    }

    static void write(String what, int version, ByteBuffer buffer) {
        if (buffer == null) {
            System.out.println(what + " " + version + " none");
            return;
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        System.out.println(what + " " + version + " " + HexFormat.of().formatHex(bytes));
    }
}
