// Above each table in a .filterable: a field for words, and a choice of values for the columns that
// data-columns names. A row is shown where all of them agree.

for (const box of document.querySelectorAll(".filterable")) {
  const rows = [...box.querySelectorAll("tbody tr")];
  const heads = [...box.querySelectorAll("thead th")].map((head) => head.textContent.trim());
  const places = box.dataset.columns.split(",").map(Number);
  const cell = (row, place) => row.cells[place].textContent.trim();

  const bar = document.createElement("form");
  bar.className = "filter-bar";
  bar.addEventListener("submit", (event) => event.preventDefault());
  const words = document.createElement("input");
  words.type = "search";
  const choices = places.map((place) => {
    const choice = document.createElement("select");
    const values = new Set(rows.map((row) => cell(row, place)).filter(Boolean));
    choice.append(new Option("all", ""), ...[...values].sort().map((value) => new Option(value)));
    return choice;
  });
  const count = document.createElement("output");

  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden =
        !wanted.every((word) => text.includes(word)) ||
        choices.some((choice, at) => choice.value && cell(row, places[at]) !== choice.value);
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length}`;
  };

  const labelled = (name, control) => {
    const label = document.createElement("label");
    label.append(`${name} `, control);
    control.addEventListener("input", apply);
    return label;
  };
  bar.append(labelled("words", words), ...choices.map((choice, at) => labelled(heads[places[at]], choice)), count);
  box.prepend(bar);
  apply();
}
