/* Making elements.
 *
 * SPDX-License-Identifier: Apache-2.0 */

/* element("button.small", { title: "…", onclick: … }, "text", child…): properties where the element has them,
 * attributes otherwise; undefined children are left out. */
export function element(what, properties = {}, ...children) {
	const [tag, ...classes] = what.split(".");
	const made = document.createElement(tag);
	if (classes.length)
		made.classList.add(...classes);
	for (const [name, value] of Object.entries(properties))
		if (name in made)
			made[name] = value;
		else if (value !== undefined)
			made.setAttribute(name, value);
	made.append(...children.filter((child) => child !== undefined));
	return made;
}

export function find(id) {
	return document.getElementById(id);
}

/* Writes only what is new: a text that is written again loses its selection. */
export function write(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}
