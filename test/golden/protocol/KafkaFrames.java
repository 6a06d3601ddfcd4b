import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Reads messages as lines of JSON ({"key", "api", "part", "version", "body"}) and writes each that this release of Kafka speaks
 * with the bytes Kafka's own classes make of it: "frame" (header and body in hex, without the length) with correlation id 7 and client id "me".
 */
public class KafkaFrames {
    public static void main(String[] arguments) throws Exception {
        ObjectMapper json = new ObjectMapper();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            ObjectNode message = (ObjectNode) json.readTree(line);
            short version = (short) message.get("version").asInt();
            ApiKeys key = ApiKeys.forId(message.get("key").asInt());
            if (version < key.messageType.lowestSupportedVersion() || version > key.messageType.highestSupportedVersion(true)) continue;
            String part = message.get("part").asText();
            String name = "org.apache.kafka.common.message." + message.get("api").asText() + (part.equals("request") ? "Request" : "Response");
            ApiMessage body = (ApiMessage) Class.forName(name + "DataJsonConverter")
                .getMethod("read", JsonNode.class, short.class).invoke(null, message.get("body"), version);
            Message header = part.equals("request") ? requestHeader(key, version) : new ResponseHeaderData().setCorrelationId(7);
            short headerVersion = part.equals("request") ? key.requestHeaderVersion(version) : key.responseHeaderVersion(version);
            message.put("frame", hex(header, headerVersion) + hex(body, version));
            System.out.println(json.writeValueAsString(message));
        }
    }

    static Message requestHeader(ApiKeys key, short version) {
        return new RequestHeaderData().setRequestApiKey(key.id).setRequestApiVersion(version).setCorrelationId(7).setClientId("me");
    }

    static String hex(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer bytes = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(bytes), cache, version);
        if (bytes.hasRemaining()) throw new IllegalStateException("size and content differ");
        return HexFormat.of().formatHex(bytes.array());
    }
}
