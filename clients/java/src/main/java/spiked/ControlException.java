package spiked;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

/**
 * spiked refused a request.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
public final class ControlException extends SpikedException {
    private static final long serialVersionUID = 1L;

    private final int code;
    private final String path;
    private final transient JsonElement data;

    private ControlException(String message, int code, String path, JsonElement data) {
        super(path.isEmpty() ? message : message + " (" + path + ")");
        this.code = code;
        this.path = path;
        this.data = data;
    }

    static ControlException of(JsonObject error) {
        JsonElement data = error.get("data");
        String path = data != null && data.isJsonObject() ? text(data.getAsJsonObject().get("path")) : "";
        JsonElement code = error.get("code");
        return new ControlException(
                text(error.get("message")), code == null || !code.isJsonPrimitive() ? 0 : code.getAsInt(), path, data);
    }

    private static String text(JsonElement element) {
        return element != null && element.isJsonPrimitive() ? element.getAsString() : "";
    }

    /** JSON-RPC's, or one of those in section 5 of PROTOCOL.md. */
    public int code() {
        return code;
    }

    /** The parameter at fault, such as "stream.encode[0].lif.v_th"; "" = none. */
    public String path() {
        return path;
    }

    /** All that came with it; null if nothing did. */
    public JsonElement data() {
        return data;
    }
}
