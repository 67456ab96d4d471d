// Exercises that the page checks. Each .exercise-answer gets a field; data-answer, data-tolerance and
// the rest come from the library when the book is built, and answers are read as it reads them
// (deepreshape/paper/exercises/exercise.py). What was entered is kept in this browser alone.

(() => {
  const KEPT = "deepreshape-exercises";
  const NUMBER = /^[+-]?(?:\d{1,3}(?:[,_' ]\d{3})+|\d+)?(?:\.\d+)?(?:e[+-]?\d+)?$/i;
  const ALMOST = 1e-9;

  const plain = (text) => text.replace(/×/g, "x").replace(/[−–—‐‑]/g, "-");
  const alike = (text, kind) =>
    kind === "order" ? text.replace(/[^0-9]/g, "") : plain(text.replace(/\s+/g, "")).toLowerCase();

  const number = (entered, unit) => {
    let text = plain(entered).replace(/\s+/g, " ").trim();
    if (unit && text.toLowerCase().endsWith(unit.toLowerCase())) text = text.slice(0, -unit.length).trim();
    return NUMBER.test(text) && /^[+-]?\.?\d/.test(text) ? Number(text.replace(/[,_' ]/g, "")) : NaN;
  };

  // "right", "wrong", "unread" (no answer at all), or nothing where nothing is entered.
  const judge = (text, { kind, answer, tolerance, unit }) => {
    if (!text.trim()) return "";
    if (kind !== "number") return alike(text, kind) === answer ? "right" : "wrong";
    const found = number(text, unit);
    if (Number.isNaN(found)) return "unread";
    const near = Number(tolerance) + ALMOST * Math.abs(found);
    return Math.abs(found - Number(answer)) <= near ? "right" : "wrong";
  };

  // A browser may refuse to keep anything; then a reload starts anew.
  const read = () => {
    try {
      return JSON.parse(localStorage.getItem(KEPT)) ?? {};
    } catch {
      return {};
    }
  };
  const keep = (answers) => {
    try {
      localStorage.setItem(KEPT, JSON.stringify(answers));
    } catch {}
  };

  const element = (name, fields, ...parts) => {
    const made = Object.assign(document.createElement(name), fields);
    made.append(...parts);
    return made;
  };

  const places = [...document.querySelectorAll(".exercise-answer")];
  if (!places.length) return;
  let answers = read();
  const box = document.querySelector(".exercise-progress");
  const bar = element("progress", { max: places.length, ariaLabel: "Exercises solved" });
  const count = element("output", {});
  const again = element("button", { type: "button", textContent: "Start again" });
  box?.append(bar, count, again);

  const total = () => {
    const right = places.filter(({ dataset }) => judge(answers[dataset.name] ?? "", dataset) === "right");
    bar.value = right.length;
    count.textContent = `${right.length} of ${places.length} right`;
  };

  const controls = places.map((place) => {
    const { choices, hint, kind, name, number: label, unit } = place.dataset;
    const field = choices
      ? element("select", {}, new Option("choose", ""), ...choices.split("|").map((each) => new Option(each)))
      : element("input", { type: "text", autocomplete: "off", spellcheck: false });
    field.name = name;
    if (kind === "number") field.inputMode = "decimal";
    const said = element("output", { ariaLive: "polite" });
    const form = element(
      "form",
      {},
      element("label", {}, element("span", { textContent: `Your answer to ${label}` }), field),
      ...(unit ? [element("span", { textContent: unit })] : []),
      element("button", { type: "submit", textContent: "Check", ariaLabel: `Check the answer to ${label}` }),
      said,
    );

    const show = (verdict) => {
      form.dataset.verdict = verdict;
      said.textContent = {
        "": "",
        right: "Right.",
        wrong: `Not yet. Hint: ${hint}.`,
        unread: "That is no number; write it like 1,234 or 0.5.",
      }[verdict];
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answers = { ...read(), [name]: field.value };
      keep(answers);
      show(judge(field.value, place.dataset));
      total();
    });
    field.addEventListener("input", () => show(""));
    place.append(form);

    return () => {
      field.value = answers[name] ?? "";
      show(judge(field.value, place.dataset));
    };
  });

  const restore = () => {
    controls.forEach((control) => control());
    total();
  };
  again.addEventListener("click", () => {
    answers = {};
    keep(answers);
    restore();
  });
  restore();
})();
