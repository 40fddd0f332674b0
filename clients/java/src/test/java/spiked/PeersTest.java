package spiked;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Senders, receivers and control clients beside bare ZeroMQ sockets in spiked's place.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
class PeersTest {
    private final Zmq.Context context = new Zmq.Context();
    private final List<Zmq.Socket> peers = new ArrayList<>();

    @AfterEach
    void close() {
        peers.forEach(Zmq.Socket::close);
        context.close();
    }

    private Zmq.Socket peer(int type) {
        Zmq.Socket socket = context.socket(type);
        peers.add(socket);
        socket.set(Zmq.LINGER, 0);
        return socket;
    }

    private Zmq.Socket bound(int type) {
        Zmq.Socket socket = peer(type);
        socket.bind("tcp://127.0.0.1:*");
        return socket;
    }

    private static Options within(int ms) {
        return new Options().timeout(Duration.ofMillis(ms));
    }

    private static List<byte[]> take(Zmq.Socket socket) {
        assertTrue(socket.poll(Zmq.POLLIN, 5000), "nothing came");
        return socket.receive();
    }

    private static void give(Zmq.Socket socket, List<byte[]> frames) {
        assertTrue(socket.send(frames));
    }

    private static void assertFrames(String vector, List<byte[]> frames) {
        assertArrayEquals(Vectors.of(vector).frames().toArray(), frames.toArray());
    }

    @Test
    void rowsGoOutAsTheVectorsSayWithNumbersOfTheirStream() {
        Zmq.Socket spiked = bound(Zmq.PULL);
        try (Sender sender = new Sender(spiked.lastEndpoint())) {
            sender.sendStamped("imu", Rows.f32(1, 2, 3), new Stamp(1_699_999_999_998_500_000L, 41));
            assertFrames("row-f32-stamp", take(spiked));
            assertEquals(42, sender.send("imu", Rows.f32(0), Instant.ofEpochSecond(1, 7)));
            assertArrayEquals(new Stamp(1_000_000_007, 42).bytes(), take(spiked).get(2));
            sender.sendStamped("skin", Rows.pairs(Map.of(0, 1.5f)), null);
            assertEquals(2, take(spiked).size());
            sender.skip("skin", 3);
            assertEquals(3, sender.send("skin", Rows.pairs(Map.of(0, 0f))));
        }
        assertEquals(3, take(spiked).size(), "what was accepted leaves before the end");
    }

    @Test
    void whatCannotBeSentIsRefusedBeforeItIs() {
        Zmq.Socket spiked = bound(Zmq.PULL);
        try (Sender sender = new Sender(spiked.lastEndpoint())) {
            for (String name : List.of("", "a/b", "ü", "x".repeat(65), "x\n")) {
                assertThrows(IllegalArgumentException.class, () -> sender.send(name, Rows.f32(1)), name);
            }
        }
        assertThrows(SpikedException.class, () -> new Sender("nowhere").close());
    }

    @Test
    void rowsDoNotWaitForASpikedThatIsAway() throws IOException {
        String endpoint;
        try (ServerSocket nobody = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            endpoint = "tcp://127.0.0.1:" + nobody.getLocalPort();
        }
        try (Sender sender = new Sender(endpoint, within(50))) {
            assertThrows(SpikedException.Blocked.class, () -> sender.send("imu", Rows.f32(1)));
            Zmq.Socket spiked = peer(Zmq.PULL);
            spiked.bind(endpoint);
            long seq = -1;
            for (int i = 0; i < 100 && seq < 0; i++) {
                try {
                    seq = sender.send("imu", Rows.f32(2));
                } catch (SpikedException.Blocked e) {
                    // not there yet
                }
            }
            assertEquals(0, seq, "the number of a row that was not taken is used again");
            assertArrayEquals(Rows.f32(2).payload(), take(spiked).get(1));
        }
    }

    /** A message of spikes/imu/ with these numbers. */
    private static List<byte[]> tick(long epoch, long tick, long seq) {
        List<byte[]> frames = Vectors.of("spikes-words").frames();
        ByteBuffer.wrap(frames.get(1)).order(ByteOrder.LITTLE_ENDIAN).putLong(8, epoch).putLong(16, tick).putLong(24, seq);
        return frames;
    }

    private static String told(Message message) {
        return message.missed() + " " + message.gap() + " " + message.restarted();
    }

    @Test
    void lossGapsAndRestartsAreToldAndBadMessagesPassedOver() {
        Zmq.Socket spiked = bound(Zmq.XPUB);
        try (Receiver receiver = new Receiver(spiked.lastEndpoint(), "spikes/imu/")) {
            take(spiked);
            give(spiked, tick(1, 10, -3)); // 2^64 - 3
            give(spiked, Vectors.of("bad-magic").frames());
            give(spiked, tick(1, 11, -2));
            give(spiked, tick(1, 15, -1));
            give(spiked, tick(2, 0, 0));
            give(spiked, tick(2, 4, 3));
            List<String> told = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                told.add(told(receiver.receive()));
            }
            assertEquals(List.of("0 0 false", "0 0 false", "0 3 false", "0 0 true", "2 3 false"), told);
            assertEquals(2, receiver.missed());
            assertEquals(1, receiver.malformed());
            assertTrue(receiver.fault().getMessage().contains("SPK1"));

            receiver.unsubscribe("spikes/imu/");
            receiver.subscribe("spikes/imu/");
            take(spiked);
            take(spiked);
            give(spiked, tick(2, 50, 50));
            assertEquals(0, receiver.receive().missed(), "a subscription starts anew");
        }
    }

    @Test
    void documentsTellOfLossAndRestartToo() {
        Zmq.Socket spiked = bound(Zmq.XPUB);
        try (Receiver receiver = new Receiver(spiked.lastEndpoint(), "json/", "status/")) {
            take(spiked);
            take(spiked);
            String[][] rows = {
                {"json/imu/", "{\"epoch\":\"00000000000000ff\",\"tick\":1,\"seq\":1}", "0 0 false"},
                {"status/", "{\"epoch\":\"00000000000000ff\"}", "0 0 false"},
                {"json/imu/", "{\"epoch\":\"00000000000000ff\",\"tick\":9,\"seq\":4}", "2 7 false"},
                {"status/", "{\"epoch\":\"fffffffffffffffe\"}", "0 0 true"},
            };
            for (String[] row : rows) {
                give(spiked, List.of(row[0].getBytes(), row[1].getBytes()));
                assertEquals(row[2], told(receiver.receive()), row[1]);
            }
        }
    }

    @Test
    void silenceIsToldAndIsNoEnd() {
        Zmq.Socket spiked = bound(Zmq.XPUB);
        try (Receiver receiver = new Receiver(spiked.lastEndpoint(), within(50), "spikes/")) {
            assertThrows(SpikedException.Silence.class, receiver::receive);
            assertTrue(receiver.poll(Duration.ZERO).isEmpty());
            take(spiked);
            give(spiked, tick(1, 1, 1));
            assertTrue(receiver.poll(Duration.ofSeconds(5)).isPresent());
        }
    }

    @Test
    void anInterruptEndsACall() throws InterruptedException {
        Zmq.Socket spiked = bound(Zmq.XPUB);
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        try (Receiver receiver = new Receiver(spiked.lastEndpoint(), new Options().timeout(null), "spikes/")) {
            Thread thread = new Thread(() -> thrown.set(assertThrows(RuntimeException.class, receiver::receive)));
            thread.start();
            Thread.sleep(100);
            thread.interrupt();
            thread.join(5000);
            assertTrue(thrown.get() instanceof SpikedException.Interrupted, () -> "" + thrown.get());
        }
    }

    /** Answers requests one by one, with what is made of each; gives the requests. */
    private static CompletableFuture<List<JsonElement>> serve(
            Zmq.Socket spiked, List<Function<JsonElement, List<JsonElement>>> answers) {
        return CompletableFuture.supplyAsync(
                () -> {
                    List<JsonElement> requests = new ArrayList<>();
                    for (Function<JsonElement, List<JsonElement>> answer : answers) {
                        List<byte[]> frames = take(spiked);
                        assertEquals(3, frames.size());
                        assertEquals(0, frames.get(1).length);
                        JsonElement request = Json.parse(frames.get(2));
                        for (JsonElement each : answer.apply(request)) {
                            give(spiked, List.of(frames.get(0), new byte[0], Json.bytes(each)));
                        }
                        requests.add(request);
                    }
                    return requests;
                });
    }

    private static JsonElement id(JsonElement request) {
        return request.getAsJsonObject().get("id");
    }

    private static JsonElement withId(String vector, JsonElement id) {
        JsonObject document = Vectors.of(vector).decoded().getAsJsonObject();
        document.add("id", id);
        return document;
    }

    private static void assertSame(JsonElement wanted, JsonElement got) {
        assertEquals(Vectors.plain(wanted), Vectors.plain(got));
    }

    @Test
    void requestsAndAnswersAreThoseOfTheVectors() {
        Zmq.Socket spiked = bound(Zmq.ROUTER);
        CompletableFuture<List<JsonElement>> requests =
                serve(
                        spiked,
                        List.of(
                                r -> List.of(Json.parse(("{\"id\":" + id(r) + ",\"result\":{}}").getBytes())),
                                r -> {
                                    // The first is late, of a call that nobody waits for any more.
                                    JsonElement late = withId("control-reply", Json.parse("1".getBytes()));
                                    return List.of(late, withId("control-error", id(r)));
                                },
                                r -> List.of(withId("control-reply", id(r))),
                                r -> List.of(Vectors.of("control-error-parse").decoded()),
                                r -> {
                                    JsonArray answers = new JsonArray();
                                    answers.add(withId("control-error", id(r.getAsJsonArray().get(1))));
                                    answers.add(withId("control-reply", id(r.getAsJsonArray().get(0))));
                                    return List.of(answers);
                                }));
        try (Control control = new Control(spiked.lastEndpoint())) {
            control.info();
            ControlException refusal =
                    assertThrows(ControlException.class, () -> control.set("imu", 0, "v_th", 1.25));
            assertEquals(-32602, refusal.code());
            assertEquals("value", refusal.path());
            assertEquals("v_th must be a finite number (value)", refusal.getMessage());
            assertEquals(1_700_000_000_017_000_000L, control.step(10).get("time_ns").getAsLong());
            assertEquals(-32700, assertThrows(ControlException.class, control::stats).code());
            JsonObject ticks = new JsonObject();
            ticks.addProperty("ticks", 10);
            List<Control.Result> results =
                    control.batch(List.of(new Control.Call("step", ticks), new Control.Call("stats", null)));
            assertEquals(10, results.get(0).get().getAsJsonObject().get("ticks").getAsInt());
            assertEquals("value", results.get(1).refusal().path());
        }
        List<JsonElement> sent = requests.join();
        assertSame(withId("control-request", id(sent.get(0))), sent.get(0));
        assertSame(withId("control-request-params", id(sent.get(1))), sent.get(1));
        JsonArray batch = Vectors.of("control-batch").decoded().getAsJsonArray();
        for (int i = 0; i < batch.size(); i++) {
            batch.get(i).getAsJsonObject().add("id", id(sent.get(4).getAsJsonArray().get(i)));
        }
        assertSame(batch, sent.get(4));
    }

    @Test
    void aDaemonThatIsAwayAndOneThatDoesNotAnswerDiffer() {
        Zmq.Socket spiked = bound(Zmq.ROUTER);
        CompletableFuture<List<JsonElement>> requests =
                serve(spiked, List.of(r -> List.of(withId("control-reply", id(r)))));
        try (Control control = new Control(spiked.lastEndpoint())) {
            control.info();
        }
        requests.join();
        try (Control control = new Control(spiked.lastEndpoint(), within(200))) {
            until(() -> assertThrows(SpikedException.class, control::info) instanceof SpikedException.NoAnswer);
            spiked.close();
            until(() -> assertThrows(SpikedException.class, control::info) instanceof SpikedException.NotConnected);
        }
    }

    /** What takes its time, such as the closing of a socket. */
    private static void until(BooleanSupplier condition) {
        for (int i = 0; i < 50; i++) {
            if (condition.getAsBoolean()) {
                return;
            }
        }
        fail("it did not come about");
    }

    private static Path write(Path folder, String name, String text, String mode) throws IOException {
        Path path = folder.resolve(name);
        Files.writeString(path, text);
        return Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
    }

    @Test
    void keysAreReadFromFilesThatNobodyElseMayRead(@TempDir Path folder) throws IOException {
        String secret = Zmq.curveSecret();
        String own = Zmq.curvePublic(secret);
        String server = Zmq.curvePublic(Zmq.curveSecret());
        String both = "# of an arm\npublic: \"" + own + "\"\nsecret: \"" + secret + "\"\n";
        Path good = write(folder, "good", both, "rw-------");
        Path daemon = write(folder, "daemon", "public: \"" + server + "\"\n", "rw-r--r--");
        Keys keys = Keys.load(good, server);
        assertEquals(new Keys(server, own, secret), keys);
        assertEquals(keys, Keys.load(good, daemon.toString()));
        assertFalse(keys.toString().contains(secret));

        Map<Path, String> faults =
                Map.of(
                        write(folder, "open", both, "rw-r--r--"), "chmod 600",
                        write(folder, "half", "public: \"" + own + "\"\n", "rw-------"), "no line secret",
                        write(folder, "other", both.replace(own, server), "rw-------"), "damaged");
        faults.forEach(
                (path, fault) -> {
                    String message = assertThrows(SpikedException.class, () -> Keys.load(path, server)).getMessage();
                    assertTrue(message.contains(fault), message);
                });
        Options bad = new Options().keys(new Keys(server, own, "~".repeat(40)));
        assertThrows(SpikedException.class, () -> new Sender("tcp://127.0.0.1:1", bad).close());
    }

    @Test
    void aSpikedWithOtherKeysIsToldFromOneThatIsAway() {
        String serverSecret = Zmq.curveSecret();
        String server = Zmq.curvePublic(serverSecret);
        String secret = Zmq.curveSecret();
        String own = Zmq.curvePublic(secret);
        Zmq.Socket spiked = peer(Zmq.PULL);
        spiked.set(Zmq.CURVE_SERVER, 1);
        spiked.set(Zmq.CURVE_SECRETKEY, serverSecret);
        spiked.bind("tcp://127.0.0.1:*");
        Keys good = new Keys(server, own, secret);
        try (Sender sender = new Sender(spiked.lastEndpoint(), new Options().keys(good))) {
            sender.send("imu", Rows.f32(1));
        }
        for (Keys keys : new Keys[] {null, new Keys(own, own, secret)}) {
            try (Sender sender = new Sender(spiked.lastEndpoint(), within(50).keys(keys))) {
                until(
                        () ->
                                assertThrows(SpikedException.Blocked.class, () -> sender.send("imu", Rows.f32(1)))
                                        .getMessage()
                                        .contains("do not agree about keys"));
            }
        }
    }
}
