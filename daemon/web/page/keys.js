/* One key, one action; see the help in index.html.
 *
 * SPDX-License-Identifier: Apache-2.0 */

const KEYS = {
	" ": (act) => act.pause(),
	ArrowLeft: (act) => act.pan(-0.2),
	ArrowRight: (act) => act.pan(0.2),
	"+": (act) => act.closer(),
	"=": (act) => act.closer(),
	"-": (act) => act.wider(),
	l: (act) => act.live(),
	j: (act) => act.next(1),
	k: (act) => act.next(-1),
	PageUp: (act) => act.lines(1, -0.5),
	PageDown: (act) => act.lines(1, 0.5),
	y: (act) => act.lines(0.7, 0),
	Y: (act) => act.lines(1 / 0.7, 0),
	a: (act) => act.add(),
	r: (act) => act.reset(),
	t: (act) => act.tune(),
	d: (act) => act.theme(),
	"?": (act) => act.help(),
};
for (let i = 1; i <= 5; i++)
	KEYS[i] = (act) => act.show(i - 1);

export function bindKeys(actions) {
	document.addEventListener("keydown", (event) => {
		const { target, key } = event;
		const typing = target.matches("input, select, textarea") || target.closest("dialog[open]");
		const pressing = target.matches("button, summary, a") && (key === " " || key === "Enter");
		if (typing || pressing || event.ctrlKey || event.metaKey || event.altKey || !KEYS[key])
			return;
		event.preventDefault();
		KEYS[key](actions);
	});
}
