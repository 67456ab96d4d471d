// The words of each SVG picture as shown that are cut at its edge, or lie over others. matplotlib
// draws each text as a group of outlines, with the text in a comment.
() => {
  const loose = 0.75; // CSS pixels that outlines may touch or leave
  const level = (group) => {
    const turned = group.querySelector("[transform*=rotate]")?.getAttribute("transform");
    return !turned || parseFloat(turned.match(/rotate\((-?[\d.]+)/)[1]) % 90 === 0;
  };
  const words = (group) =>
    [...group.childNodes].find((it) => it.nodeType === Node.COMMENT_NODE)?.data.trim() ?? group.id;

  function* faults(svg) {
    const whole = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('g[id^="text_"]')]
      .map((group) => ({ group, box: group.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0);
    for (const { group, box } of texts)
      if (box.left < whole.left - loose || box.right > whole.right + loose ||
          box.top < whole.top - loose || box.bottom > whole.bottom + loose)
        yield `cut: ${words(group)}`;
    const straight = texts.filter(({ group }) => level(group));
    for (const [place, { group, box }] of straight.entries())
      for (const other of straight.slice(place + 1)) {
        const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (across > loose && down > loose)
          yield `${words(group)} lies over ${words(other.group)}`;
      }
  }

  const shown = [...document.querySelectorAll("article img")]
    .filter((it) => it.currentSrc.endsWith(".svg") && it.checkVisibility());
  return Promise.all(shown.map(async (it) => {
    const text = await (await fetch(it.currentSrc)).text();
    const place = document.createElement("div");
    place.style.cssText = "position: absolute; left: 0; top: 0; visibility: hidden";
    place.innerHTML = text.slice(text.indexOf("<svg"));
    document.body.append(place);
    const found = [...faults(place.querySelector("svg"))];
    place.remove();
    return found.map((fault) => `${it.currentSrc.slice(-16)}: ${fault}`);
  })).then((all) => all.flat());
}
