// What a person who doesn't see the page, or not well, needs: names, labels, one heading, contrast.
// A test evaluates it in the page; the answer is a list of faults.
() => {
  const faults = [];
  const visible = (each) => each.checkVisibility() && each.getClientRects().length > 0;
  const named = (each) => each.innerText?.trim() || each.ariaLabel || each.labels?.[0]?.innerText;
  for (const each of document.querySelectorAll("button, a, input:not([type=hidden]), select")) {
    if (visible(each) && !each.ariaHidden && !named(each)) faults.push(`no name: ${each.outerHTML}`);
  }
  for (const each of document.querySelectorAll("img:not([alt])")) faults.push(each.outerHTML);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  if (new Set(ids).size !== ids.length) faults.push("an id twice");
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (each) => {
    for (let at = each; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const each = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !visible(each) || each.closest("script, :disabled, .unseen")) continue;
    const [one, two] = [light(rgb(getComputedStyle(each).color)), light(behind(each))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (two + 0.05);
    if (ratio < 4.5) faults.push(`${ratio.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 30)}`);
  }
  return faults;
}
