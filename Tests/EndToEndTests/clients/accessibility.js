// SPDX-License-Identifier: Apache-2.0
// What a page lacks of WCAG 2.2 AA, as far as a program can see it: contrast (1.4.3), names of controls (4.1.2, 1.3.1), order of headings
// (1.3.1), ids (4.1.1), size of targets (2.5.8). Sentences; none when nothing is found.
() => {
    const faults = [];
    const colour = text => {
        const numbers = (text.match(/[\d.]+/g) || []).map(Number);
        if (numbers.length < 3) return null;
        const [r, g, b] = text.startsWith("color(") ? numbers.slice(0, 3).map(x => x * 255) : numbers;
        return [r, g, b, numbers.length > 3 ? numbers[3] : 1];
    };
    const over = (front, back) => [0, 1, 2].map(i => front[i] * front[3] + back[i] * (1 - front[3])).concat(1);
    const luminance = c => {
        const [r, g, b] = c.map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = element => {
        const layers = [];
        for (let node = element; node; node = node.parentElement) {
            const layer = colour(getComputedStyle(node).backgroundColor);
            if (layer && layer[3] > 0) layers.push(layer);
            if (layer && layer[3] === 1) break;
        }
        return layers.reverse().reduce((back, layer) => over(layer, back), [255, 255, 255, 1]);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const words = texts.currentNode.textContent.trim();
        const element = texts.currentNode.parentElement;
        const box = element.getBoundingClientRect();
        if (!words || box.width < 2 || box.height < 2 || element.closest("script, style, option, title, desc")) continue;
        const style = getComputedStyle(element);
        if (style.visibility === "hidden") continue;
        const text = colour(element.ownerSVGElement ? style.fill : style.color);
        if (!text) continue;
        for (let node = element; node; node = node.parentElement) text[3] *= Number(getComputedStyle(node).opacity);
        const back = ground(element);
        const [light, dark] = [luminance(over(text, back)), luminance(back)].sort((a, b) => b - a);
        const size = parseFloat(style.fontSize);
        const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        const ratio = (light + 0.05) / (dark + 0.05);
        if (ratio < (isLarge ? 3 : 4.5)) faults.push(`'${words.slice(0, 40)}' has a contrast of ${ratio.toFixed(2)}`);
    }
    const name = e => e.textContent.trim() || e.getAttribute("aria-label") || (e.labels && e.labels.length) || e.getAttribute("aria-labelledby");
    for (const control of document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")) {
        const isField = control.matches("input, select, textarea");
        if (isField ? !(control.labels.length || control.getAttribute("aria-label")) : !name(control)) {
            faults.push(`without a name: ${control.outerHTML.slice(0, 80)}`);
        }
        const box = control.getBoundingClientRect();
        // Links in a text are excepted; boxes to tick stand in a label that can be hit.
        const isTarget = control.matches("button, .button, select, input:not([type=checkbox], [type=radio])");
        if (isTarget && box.width && (box.width < 24 || box.height < 24)) {
            faults.push(`a target of ${Math.round(box.width)} by ${Math.round(box.height)}: ${control.outerHTML.slice(0, 60)}`);
        }
    }
    let level = 0;
    for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
        const next = Number(heading.tagName[1]);
        if (level && next > level + 1) faults.push(`h${level} is followed by h${next}: ${heading.textContent.slice(0, 40)}`);
        level = next;
    }
    const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
    for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) faults.push(`the id ${id} is there twice`);
    for (const table of document.querySelectorAll("table")) if (!table.querySelector("th")) faults.push("a table without headings");
    for (const picture of document.querySelectorAll("svg:not([aria-hidden=true])")) {
        if (!picture.querySelector("title")) faults.push("a picture without a title");
    }
    for (const part of ["main", "nav"]) if (!document.querySelector(part)) faults.push(`no ${part}`);
    return faults;
}
