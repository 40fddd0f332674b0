package spiked;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * The byte vectors of clients/vectors, for the tests.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
record Vectors(String name, String way, List<byte[]> frames, JsonElement decoded) {
    private static final Path FOLDER = Path.of("../vectors");

    static List<Vectors> all(String way) {
        try (Stream<Path> paths = Files.list(FOLDER)) {
            List<Vectors> all =
                    paths.filter(path -> path.toString().endsWith(".json")).sorted().map(Vectors::read).toList();
            if (all.size() < 40) {
                throw new IllegalStateException(all.size() + " vectors");
            }
            return all.stream().filter(vector -> vector.way.equals(way)).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Vectors of(String name) {
        return read(FOLDER.resolve(name + ".json"));
    }

    private static Vectors read(Path path) {
        try {
            JsonObject file = Json.parse(Files.readAllBytes(path)).getAsJsonObject();
            List<byte[]> frames = new ArrayList<>();
            file.getAsJsonArray("frames").forEach(hex -> frames.add(HexFormat.of().parseHex(hex.getAsString())));
            String name = path.getFileName().toString().replace(".json", "");
            return new Vectors(name, file.get("way").getAsString(), frames, file.get("decoded"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The same document, with numbers that are equal when they mean the same, such as 1 and 1.0. */
    static JsonElement plain(JsonElement element) {
        if (element.isJsonArray()) {
            JsonArray array = new JsonArray();
            element.getAsJsonArray().forEach(each -> array.add(plain(each)));
            return array;
        }
        if (element.isJsonObject()) {
            JsonObject object = new JsonObject();
            element.getAsJsonObject().entrySet().forEach(entry -> object.add(entry.getKey(), plain(entry.getValue())));
            return object;
        }
        if (element instanceof JsonPrimitive primitive && primitive.isNumber()) {
            BigDecimal number = primitive.getAsBigDecimal();
            return new JsonPrimitive("number " + (number.signum() == 0 ? "0" : number.stripTrailingZeros().toPlainString()));
        }
        return element instanceof JsonNull ? JsonNull.INSTANCE : element;
    }
}
