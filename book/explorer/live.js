// Live cells: code that a reader edits and runs, its output below.

for (const cell of document.querySelectorAll(".live-cell")) {
  const code = cell.querySelector("textarea");
  const run = cell.querySelector(".live-run");
  const reset = cell.querySelector(".live-reset");
  const output = cell.querySelector(".live-output");
  const status = cell.querySelector(".live-status");
  const first = { code: code.value, output: output.textContent };
  let running = false;

  const fit = () => {
    code.rows = Math.max(2, code.value.split("\n").length);
  };

  const execute = async () => {
    running = true;
    run.textContent = "Stop";
    status.textContent = "Running. Python starts with the first run, which takes some seconds.";
    try {
      output.textContent = await deepreshape.call("run", code.value);
      status.textContent = "Done.";
    } catch (error) {
      status.textContent = error.message;
    }
    running = false;
    run.textContent = "Run";
  };

  run.addEventListener("click", () => {
    if (running) deepreshape.stop("Stopped.");
    else execute();
  });
  reset.addEventListener("click", () => {
    code.value = first.code;
    output.textContent = first.output;
    status.textContent = "";
    fit();
  });
  code.addEventListener("input", fit);
  code.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      if (!running) execute();
    }
  });
  code.readOnly = false;
  run.disabled = false;
  reset.disabled = false;
}
