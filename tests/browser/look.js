// What a page shows, as plain values: evaluated in the page.
() => {
  const main = document.querySelector("article") ?? document.body;
  const shown = (element) => element.checkVisibility({ checkVisibilityCSS: true });
  const said = (element) => element.textContent.trim();
  const where = (element) => (element.closest("[id]")?.id ?? "") + ": " + said(element).slice(0, 60);

  const overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const sticking = overflow <= 0 ? [] : [...document.querySelectorAll("body *")]
    .filter((it) => shown(it) && it.getBoundingClientRect().right > innerWidth + 1)
    .map((it) => `${it.tagName.toLowerCase()}.${it.className} ${where(it)}`).slice(0, 4);

  const pictures = [...main.querySelectorAll("img, svg[role=img]")].map((it) => ({
    source: it.getAttribute("src") ?? "svg",
    text: it.getAttribute("alt") ?? it.getAttribute("aria-label") ??
      it.querySelector("title")?.textContent ?? "",
    width: shown(it) ? it.getBoundingClientRect().width : 0,
    natural: it.naturalWidth ?? 0,
  }));

  const tables = [...main.querySelectorAll("table:not(.highlighttable, .indextable)")].map((it) => ({
    where: where(it),
    caption: it.caption ? said(it.caption) : "",
    bare: [...it.querySelectorAll("th")].filter((th) => !th.scope).length,
    empty: [...it.querySelectorAll("th")].filter((th) => !said(th) && !th.querySelector("img")).length,
    endless: [...it.querySelectorAll("th, td")]
      .filter((cell) => shown(cell) && cell.clientWidth > main.clientWidth)
      .map((cell) => said(cell).slice(0, 60)).slice(0, 2),
  }));

  return {
    title: document.title,
    headings: [...document.querySelectorAll("h1, h2, h3, nav a, nav p")].map(said),
    raw: [document.title, ...[...document.querySelectorAll("nav a, nav p, .sidebar a, h1")].map(said)]
      .filter((text) => /\\\(|\\[a-z]+\b|\$[^$]+\$/.test(text)),
    links: [...document.querySelectorAll("a[href]")].map((it) => it.href),
    overflow, sticking, pictures, tables,
  };
}
