/* The package's types: programs that should compile do, and they name what the modules have.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const client = new URL("../../clients/js/", import.meta.url);
const ts = createRequire(client)("typescript");
const at = (name) => fileURLToPath(new URL(name, client));
const use = fileURLToPath(new URL("types/use.ts", import.meta.url));
const modules = ["wire", "session", "browser", "spiked"];

const program = ts.createProgram([use, ...modules.map((name) => at(`${name}.d.ts`))], {
	strict: true, noEmit: true, noUncheckedIndexedAccess: true, skipLibCheck: false, types: [],
	target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
	lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
	paths: { "spiked-client": [at("spiked.d.ts")], "spiked-client/*": [at("*.d.ts")] },
});

test("what should compile does, what should not does not", () => {
	const faults = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) =>
		`${file?.fileName}:${file && file.getLineAndCharacterOfPosition(start).line + 1}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
	assert.deepEqual(faults, []);
});

const checker = program.getTypeChecker();
const declared = (name) => checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(at(`${name}.d.ts`))))
	.map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
	.filter(({ flags }) => flags & ts.SymbolFlags.Value);

for (const name of modules)
	test(`${name}.d.ts and ${name}.js have the same`, async () => {
		const has = await import(new URL(`${name}.js`, client));
		const inner = ["Calls", "Follower", "Numbers"]; /* of session.js: not for users */
		assert.deepEqual(declared(name).map((symbol) => symbol.name).sort(), Object.keys(has).filter((key) => !inner.includes(key)).sort());
		for (const symbol of declared(name).filter(({ flags }) => flags & ts.SymbolFlags.Class)) {
			const methods = [...symbol.members.values()].filter(({ flags }) => flags & ts.SymbolFlags.Method).map(({ escapedName }) => String(escapedName));
			const real = Object.getOwnPropertyNames(has[symbol.name].prototype)
				.filter((key) => key !== "constructor" && typeof Object.getOwnPropertyDescriptor(has[symbol.name].prototype, key).value === "function");
			assert.deepEqual(methods.filter((key) => !key.startsWith("__@")).sort(), real.sort(), symbol.name);
		}
	});
