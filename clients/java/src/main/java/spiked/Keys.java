package spiked;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The daemon's public key, and a pair of one's own; each 40 characters.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 *
 * @param server the daemon's public key
 * @param publicKey one's own
 * @param secretKey the same
 */
public record Keys(String server, String publicKey, String secretKey) {
    private static final int KEY_SIZE = 40;
    private static final Pattern KEY = Pattern.compile("^(public|secret):\\s*\"([^\"]{40})\"", Pattern.MULTILINE);
    private static final Set<PosixFilePermission> OPEN =
            Set.of(
                    PosixFilePermission.GROUP_WRITE,
                    PosixFilePermission.OTHERS_READ,
                    PosixFilePermission.OTHERS_WRITE,
                    PosixFilePermission.OTHERS_EXECUTE);

    /** Without the secret one. */
    @Override
    public String toString() {
        return "Keys[server=" + server + ", publicKey=" + publicKey + "]";
    }

    /**
     * From a file as {@code spikectl keygen} makes it.
     *
     * @param own the file, which nobody else may read
     * @param server the daemon's public key, or the path of a file with it
     */
    public static Keys load(Path own, String server) throws IOException {
        checkPrivate(own);
        String text = Files.readString(own);
        String secret = find(own, text, "secret");
        String publicKey = Zmq.curvePublic(secret);
        if (publicKey == null) {
            throw new SpikedException(own + ": the secret key is not one of 40 characters (Z85)");
        }
        if (text.lines().anyMatch(line -> line.startsWith("public:"))
                && !find(own, text, "public").equals(publicKey)) {
            throw new SpikedException(own + " is damaged: its public key does not belong to its secret one");
        }
        Path path = Path.of(server);
        if (server.length() != KEY_SIZE || Files.exists(path)) {
            return new Keys(find(path, Files.readString(path), "public"), publicKey, secret);
        }
        return new Keys(server, publicKey, secret);
    }

    /** Makes a socket use them; before it connects. */
    void lock(Zmq.Socket socket) {
        set(socket, Zmq.CURVE_SERVERKEY, "server", server);
        set(socket, Zmq.CURVE_PUBLICKEY, "public", publicKey);
        set(socket, Zmq.CURVE_SECRETKEY, "secret", secretKey);
    }

    private static void set(Zmq.Socket socket, int option, String name, String key) {
        try {
            socket.set(option, key);
        } catch (SpikedException e) {
            throw new SpikedException("the " + name + " key is not one of 40 characters (Z85)", e);
        }
    }

    private static String find(Path path, String text, String name) {
        Matcher matcher = KEY.matcher(text);
        while (matcher.find()) {
            if (matcher.group(1).equals(name)) {
                return matcher.group(2);
            }
        }
        throw new SpikedException(path + " has no line " + name + ": \"…\" with a key of 40 characters");
    }

    private static void checkPrivate(Path path) throws IOException {
        try {
            if (Files.getPosixFilePermissions(path).stream().anyMatch(OPEN::contains)) {
                throw new SpikedException(path + " may be read or changed by others: chmod 600");
            }
        } catch (UnsupportedOperationException e) {
            // a file system without such permissions
        }
    }
}
