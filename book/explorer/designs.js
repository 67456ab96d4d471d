// The search for designs: limits, what the library finds within them, and a network to set above.

(() => {
  const root = document.querySelector(".sg");
  const form = root.querySelector("form");
  const found = root.querySelector(".sg-found");
  const fault = root.querySelector(".sg-error");
  const status = root.querySelector(".sg-status");
  const explorer = document.querySelector(".ex");
  const button = form.querySelector("button");

  const search = async () => {
    button.disabled = true;
    fault.textContent = "";
    status.textContent = "Searching. Python starts with the first question, which takes some seconds.";
    try {
      const limits = Object.fromEntries(new FormData(form));
      const settings = explorer.texts();
      const said = await deepreshape.call("suggest", JSON.stringify({ settings, limits }));
      const answer = JSON.parse(said);
      status.textContent = "";
      fault.textContent = answer.error ?? "";
      found.classList.toggle("sg-stale", Boolean(answer.error));
      if (!answer.error) found.innerHTML = answer.html;
    } catch (error) {
      status.textContent = error.message;
    }
    button.disabled = false;
    root.dataset.answers = String(Number(root.dataset.answers ?? 0) + 1);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });

  found.addEventListener("click", ({ target }) => {
    if (!target.matches(".sg-set")) return;
    explorer.set(JSON.parse(target.dataset.texts));
    explorer.scrollIntoView();
    status.textContent = "Set above.";
  });

  form.querySelector("fieldset").disabled = false;
})();
