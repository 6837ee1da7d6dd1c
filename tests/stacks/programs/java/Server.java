// The Java server of the stacks, run by the source launcher: `java Server.java CERT_DIR DOMAIN`
// listens on a free port of loopback for each role and prints "listening ROLE PORT".  A role's
// certificate is CERT_DIR/ROLE.DOMAIN.p12.  HTTP/1.1 and WebSocket are by hand: the JDK's own HTTP
// server knows neither HTTP/2 nor upgrades.

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Server {
    private static final char[] PASSWORD = "stacks".toCharArray();
    private static Path certs;
    private static String domain;
    private static volatile byte[] store = new byte[0];

    interface Service {
        void serve(SSLSocket socket) throws Exception;
    }

    public static void main(String[] args) throws Exception {
        certs = Path.of(args[0]);
        domain = args[1];
        start("echo", Server::echo);
        start("mtls", Server::echo);
        start("first", Server::closeFirst);
        start("web", socket -> web(socket, "web"));
        start("webmtls", socket -> web(socket, "webmtls"));
    }

    private static SSLContext context(String role) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(certs.resolve(role + "." + domain + ".p12"))) {
            store.load(in, PASSWORD);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store, PASSWORD);
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        try (InputStream in = Files.newInputStream(certs.resolve("ca.pem"))) {
            trusted.setCertificateEntry("ca",
                CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    private static void start(String role, Service service) throws Exception {
        SSLServerSocket listener = (SSLServerSocket) context(role).getServerSocketFactory()
            .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
        listener.setNeedClientAuth(role.endsWith("mtls"));
        System.out.println("listening " + role + " " + listener.getLocalPort());
        new Thread(() -> acceptAll(listener, service)).start();
    }

    private static void acceptAll(SSLServerSocket listener, Service service) {
        while (true) {
            try {
                SSLSocket socket = (SSLSocket) listener.accept();
                new Thread(() -> {
                    try (socket) {
                        service.serve(socket);
                    } catch (Exception e) {
                        // Clients that fail are what some of the features are about.
                    }
                }).start();
            } catch (IOException e) {
                System.err.println(e);
                return;
            }
        }
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    // Gives everything back and, once the client has ended its direction, says how much it was.
    private static void echo(SSLSocket socket) throws IOException {
        long count = socket.getInputStream().transferTo(socket.getOutputStream());
        socket.getOutputStream().write(ascii("end of " + count + "\n"));
        socket.shutdownOutput();
    }

    // Ends its own direction at once, takes all the client sends, and tells our driver.
    private static void closeFirst(SSLSocket socket) throws Exception {
        socket.getOutputStream().write(ascii("closing first\n"));
        socket.shutdownOutput();
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        digest.update(socket.getInputStream().readAllBytes());
        StringBuilder hex = new StringBuilder();
        for (byte b : digest.digest()) {
            hex.append(String.format("%02x", b));
        }
        System.out.println("received " + hex);
    }

    private static String readLine(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c; (c = in.read()) != '\n';) {
            if (c < 0 || line.length() > 8192) {
                throw new IOException("no line");
            }
            line.append((char) c);
        }
        return line.toString().strip();
    }

    // Requests one after another until the client ends, or had but one.
    private static void web(SSLSocket socket, String role) throws Exception {
        InputStream in = socket.getInputStream();
        OutputStream out = socket.getOutputStream();
        while (true) {
            String[] request = readLine(in).split(" ");
            Map<String, String> headers = new HashMap<>();
            for (String line; !(line = readLine(in)).isEmpty();) {
                String[] pair = line.split(":", 2);
                headers.put(pair[0].toLowerCase(), pair[1].strip());
            }
            if (headers.containsKey("sec-websocket-key")) {
                webSocket(in, out, headers.get("sec-websocket-key"));
                return;
            }
            if ("100-continue".equalsIgnoreCase(headers.get("expect"))) {
                out.write(ascii("HTTP/1.1 100 Continue\r\n\r\n"));
            }
            int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
            byte[] body = in.readNBytes(length);
            answer(out, role, request[0], request[1], body);
            if (request[2].equals("HTTP/1.0")) {
                return;
            }
        }
    }

    private static void answer(OutputStream out, String role, String method, String path,
                               byte[] body) throws IOException {
        byte[] text = new byte[0];
        if (method.equals("PUT")) {
            store = body;
        } else if (path.equals("/who")) {
            text = ascii(role + "." + domain + "\n");
        } else if (path.equals("/store")) {
            text = store;
        }
        out.write(ascii("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
                        + text.length + "\r\n\r\n"));
        out.write(text);
    }

    // Echoes masked frames of up to 125 bytes; a close is answered.
    private static void webSocket(InputStream in, OutputStream out, String key) throws Exception {
        byte[] proof = MessageDigest.getInstance("SHA-1")
            .digest(ascii(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
        out.write(ascii("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        + "Connection: Upgrade\r\nSec-WebSocket-Accept: "
                        + Base64.getEncoder().encodeToString(proof) + "\r\n\r\n"));
        byte[] head;
        do {
            head = in.readNBytes(6);
            if (head.length < 6) {
                return;
            }
            byte[] frame = new byte[2 + (head[1] & 0x7f)];
            frame[0] = head[0];
            frame[1] = (byte) (frame.length - 2);
            in.readNBytes(frame, 2, frame.length - 2);
            for (int i = 2; i < frame.length; i++) {
                frame[i] ^= head[2 + (i - 2) % 4];
            }
            out.write(frame);
        } while ((head[0] & 0x0f) != 8);
    }
}
