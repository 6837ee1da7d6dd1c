// The Java client of the stacks, run by the source launcher: one job per line, "FEATURE key=value
// ...", on the command line or on stdin; each is answered with one line, "ok ...", "refused ..." or
// "error ...".  Where java.net.http resolves names by itself, jdk.net.hosts.file maps them.

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    private static final int LIMIT_MS = 15000;
    private static final int BULK = 10 << 20;
    private static final char[] PASSWORD = "stacks".toCharArray();

    interface Feature {
        String run(Map<String, String> job) throws Exception;
    }

    private static final Map<String, Feature> FEATURES = Map.of(
        "hello", Client::hello, "ping", Client::ping, "resume", Client::resume,
        "reneg", Client::renegotiate, "bulk", Client::bulk, "fin-client", Client::clientFirst,
        "fin-server", Client::serverFirst, "h2", Client::http2, "ws", Client::webSocket);

    public static void main(String[] args) throws IOException {
        if (args.length > 0) {
            System.out.println(run(args));
            System.exit(0);
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null;) {
            System.out.println(run(line.split(" ")).replaceAll("\\s+", " ").strip());
        }
        System.exit(0); // java.net.http leaves threads behind
    }

    private static String run(String[] words) {
        Map<String, String> job = new HashMap<>();
        for (int i = 1; i < words.length; i++) {
            int at = words[i].indexOf('=');
            job.put(words[i].substring(0, at), words[i].substring(at + 1));
        }
        try {
            return "ok " + FEATURES.get(words[0]).run(job);
        } catch (Exception e) {
            return classify(e) + " " + e;
        }
    }

    // Tells what the other side refused from what went wrong here.
    private static String classify(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            String text = String.valueOf(cause.getMessage());
            if (cause instanceof EOFException || cause instanceof SocketException
                || cause instanceof SSLException && (text.contains("fatal alert")
                    || text.contains("closed") || text.contains("terminated")
                    || text.contains("no_renegotiation") || text.contains("Broken pipe")
                    || text.contains("reset"))) {
                return "refused";
            }
        }
        return "error";
    }

    private static SSLContext context(Map<String, String> job) throws Exception {
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        if (job.containsKey("ca")) {
            try (InputStream in = Files.newInputStream(Path.of(job.get("ca")))) {
                store.setCertificateEntry("ca",
                    CertificateFactory.getInstance("X.509").generateCertificate(in));
            }
        }
        trust.init(store.size() > 0 ? store : null);
        store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        if (job.containsKey("cert")) {
            try (InputStream in = Files.newInputStream(
                     Path.of(job.get("cert").replaceFirst("\\.pem$", ".p12")))) {
                store.load(in, PASSWORD);
            }
        }
        keys.init(store, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    private static SSLSocket connect(Map<String, String> job, SSLContext context)
        throws IOException {
        String[] addr = job.get("addr").split(":");
        int port = Integer.parseInt(addr[1]);
        Socket raw = new Socket();
        raw.connect(new InetSocketAddress(addr[0], port), LIMIT_MS);
        String peer = job.getOrDefault("name", addr[0]);
        SSLSocket socket =
            (SSLSocket) context.getSocketFactory().createSocket(raw, peer, port, true);
        socket.setSoTimeout(LIMIT_MS);
        SSLParameters p = socket.getSSLParameters();
        if (job.containsKey("name")) {
            p.setEndpointIdentificationAlgorithm("HTTPS");
            p.setServerNames(List.of(new SNIHostName(peer)));
        }
        if (job.containsKey("tls")) {
            p.setProtocols(new String[] {"TLSv" + job.get("tls")});
        }
        if (job.containsKey("alpn")) {
            p.setApplicationProtocols(job.get("alpn").split(","));
        }
        socket.setSSLParameters(p);
        socket.startHandshake();
        return socket;
    }

    private static void echoPing(SSLSocket socket) throws IOException {
        byte[] line = "ping\n".getBytes(StandardCharsets.US_ASCII);
        socket.getOutputStream().write(line);
        byte[] back = socket.getInputStream().readNBytes(line.length);
        if (back.length < line.length) {
            throw new EOFException("ended early");
        }
        if (!Arrays.equals(back, line)) {
            throw new IOException("the echo is not what was sent");
        }
    }

    private static String hello(Map<String, String> job) throws Exception {
        try (SSLSocket socket = connect(job, context(job))) {
            return socket.getSession().getProtocol();
        }
    }

    private static String ping(Map<String, String> job) throws Exception {
        try (SSLSocket socket = connect(job, context(job))) {
            echoPing(socket);
            return socket.getSession().getProtocol();
        }
    }

    // A resumed session carries the values of the one before.
    private static String resume(Map<String, String> job) throws Exception {
        SSLContext context = context(job);
        List<String> said = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            try (SSLSocket socket = connect(job, context)) {
                echoPing(socket);
                said.add(socket.getSession().getValue("seen") != null ? "resumed" : "full");
                socket.getSession().putValue("seen", "yes");
            }
        }
        return String.join(" then ", said);
    }

    private static String renegotiate(Map<String, String> job) throws Exception {
        try (SSLSocket socket = connect(job, context(job))) {
            socket.startHandshake();
            echoPing(socket);
            return "";
        }
    }

    private static byte[] random(int length) {
        byte[] data = new byte[length];
        new Random().nextBytes(data);
        return data;
    }

    // Sends in a thread of its own, so that both directions run at once.
    private static Thread send(SSLSocket socket, byte[] data, boolean finish) {
        Thread thread = new Thread(() -> {
            try {
                socket.getOutputStream().write(data);
                if (finish) {
                    socket.shutdownOutput();
                }
            } catch (IOException e) {
                // The reading side sees the same end, and tells.
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static String bulk(Map<String, String> job) throws Exception {
        byte[] data = random(BULK);
        for (int i = 0; i < data.length; i++) { // text in lines: some echo servers know no other
            data[i] = (byte) (i % 64 == 63 ? '\n' : 'a' + (data[i] & 15));
        }
        try (SSLSocket socket = connect(job, context(job))) {
            Thread sender = send(socket, data, false);
            byte[] back = socket.getInputStream().readNBytes(BULK);
            if (!MessageDigest.isEqual(digest(back), digest(data))) {
                throw new EOFException(back.length + " bytes came back, and not those sent");
            }
            sender.join(LIMIT_MS);
        }
        return "both ways";
    }

    private static byte[] digest(byte[] data) throws Exception {
        return MessageDigest.getInstance("SHA-256").digest(data);
    }

    private static String clientFirst(Map<String, String> job) throws Exception {
        byte[] data = random(1 << 20);
        try (SSLSocket socket = connect(job, context(job))) {
            send(socket, data, true);
            byte[] back = socket.getInputStream().readAllBytes();
            ByteArrayOutputStream want = new ByteArrayOutputStream();
            want.write(data);
            want.write(("end of " + data.length + "\n").getBytes(StandardCharsets.US_ASCII));
            if (!Arrays.equals(back, want.toByteArray())) {
                throw new EOFException(back.length + " bytes came back");
            }
        }
        return "answered";
    }

    private static String serverFirst(Map<String, String> job) throws Exception {
        byte[] data = job.get("token").repeat(100000).getBytes(StandardCharsets.US_ASCII);
        try (SSLSocket socket = connect(job, context(job))) {
            String farewell =
                new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            if (!farewell.equals("closing first\n")) {
                throw new EOFException("the farewell was " + farewell);
            }
            OutputStream out = socket.getOutputStream();
            out.write(data);
            socket.shutdownOutput();
        }
        StringBuilder hex = new StringBuilder();
        for (byte b : digest(data)) {
            hex.append(String.format("%02x", b));
        }
        return "sent " + hex;
    }

    private static HttpClient httpClient(Map<String, String> job) throws Exception {
        return HttpClient.newBuilder().sslContext(context(job))
            .connectTimeout(Duration.ofMillis(LIMIT_MS)).build();
    }

    private static String authority(Map<String, String> job) {
        return job.get("name") + ":" + job.get("addr").split(":")[1];
    }

    private static String http2(Map<String, String> job) throws Exception {
        URI who = URI.create("https://" + authority(job) + "/who");
        HttpRequest request = HttpRequest.newBuilder(who)
            .timeout(Duration.ofMillis(LIMIT_MS)).build();
        HttpResponse<String> answer =
            httpClient(job).send(request, HttpResponse.BodyHandlers.ofString());
        if (!answer.body().equals(job.get("name") + "\n")) {
            throw new IOException(answer.body() + " answered");
        }
        return answer.version() == HttpClient.Version.HTTP_2 ? "HTTP/2.0" : "HTTP/1.1";
    }

    private static String webSocket(Map<String, String> job) throws Exception {
        CompletableFuture<String> echo = new CompletableFuture<>();
        WebSocket.Listener listener = new WebSocket.Listener() {
            @Override
            public CompletionStage<?> onText(WebSocket socket, CharSequence text, boolean last) {
                echo.complete(text.toString());
                return null;
            }

            @Override
            public void onError(WebSocket socket, Throwable error) {
                echo.completeExceptionally(error);
            }
        };
        WebSocket socket = httpClient(job).newWebSocketBuilder()
            .buildAsync(URI.create("wss://" + authority(job) + "/ws"), listener)
            .get(LIMIT_MS, TimeUnit.MILLISECONDS);
        String text = "hello ".repeat(20);
        socket.sendText(text, true);
        if (!echo.get(LIMIT_MS, TimeUnit.MILLISECONDS).equals(text)) {
            throw new IOException("the echo is not what was sent");
        }
        socket.sendClose(WebSocket.NORMAL_CLOSURE, "");
        return "echoed";
    }
}
