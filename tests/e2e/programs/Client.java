// SPDX-License-Identifier: BSL-1.0
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;

/**
 * A client in Java, java.net.http and JSSE: three GETs on one connection, whose answers it prints, or WebSocket messages.
 *
 *     java -Djdk.net.hosts.file=FILE Client.java HOST:PORT CERTIFICATE TLSv1.3 HTTP_1_1|HTTP_2|WEB_SOCKET
 */
class Client {
    /** Puts the parts of a message together again. */
    static class Echo implements WebSocket.Listener {
        final StringBuilder text = new StringBuilder();
        CompletableFuture<String> whole = new CompletableFuture<>();

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean isLast) {
            text.append(part);
            if (isLast) {
                whole.complete(text.toString());
            }
            socket.request(1);
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            whole.completeExceptionally(error);
        }
    }

    static SSLContext trusting(String file) throws Exception {
        var store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (var in = Files.newInputStream(Path.of(file))) {
            store.setCertificateEntry("it", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    static void talk(HttpClient client, String authority) throws Exception {
        for (int size : new int[] {1, 125, 126, 65_536, 300_000}) {
            var echo = new Echo();
            var socket = client.newWebSocketBuilder().buildAsync(URI.create("wss://" + authority + "/"), echo).join();
            var message = "w".repeat(size);
            socket.sendText(message, true).join();
            System.out.println("echoed " + size + ": " + echo.whole.join().equals(message));
            socket.sendClose(WebSocket.NORMAL_CLOSURE, "").join();
        }
    }

    public static void main(String[] arguments) throws Exception {
        var parameters = new SSLParameters();
        parameters.setProtocols(new String[] {arguments[2]});
        var builder = HttpClient.newBuilder().sslContext(trusting(arguments[1])).sslParameters(parameters);
        if (arguments[3].equals("WEB_SOCKET")) {
            talk(builder.version(HttpClient.Version.HTTP_1_1).build(), arguments[0]);
            return;
        }
        var client = builder.version(HttpClient.Version.valueOf(arguments[3])).build();
        var request = HttpRequest.newBuilder(URI.create("https://" + arguments[0] + "/")).build();
        for (int i = 0; i < 3; i++) {
            System.out.print(client.send(request, BodyHandlers.ofString()).body());
        }
    }
}
