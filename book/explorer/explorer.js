// The explorer: a form, what the library answers to it, a plot, and an address that says it all.

(() => {
  const root = document.querySelector(".ex");
  const form = root.querySelector("form");
  const results = root.querySelector(".ex-results");
  const fault = root.querySelector(".ex-error");
  const status = root.querySelector(".ex-status");
  const summary = root.querySelector(".ex-summary");
  const data = JSON.parse(root.querySelector(".ex-data").textContent);
  let mine = data.mine;

  // The form as texts by name, and back.

  const texts = () => {
    const found = {};
    for (const [name, value] of new FormData(form)) {
      found[name] = found[name] ? `${found[name]},${value}` : value;
    }
    return found;
  };

  const option = () => form.elements.family.selectedOptions[0];

  const usualM = () => {
    if (option().dataset.m) form.elements.m.value = option().dataset.m;
  };

  const fill = (values) => {
    form.reset();
    for (const [name, value] of Object.entries(values)) {
      const control = form.elements[name];
      if (!control) continue;
      if (control instanceof RadioNodeList) {
        const ticked = value.split(",");
        for (const box of control) box.checked = ticked.includes(box.value);
      } else {
        control.value = value;
      }
      if (name === "family" && !values.m) usualM();
    }
    show();
  };

  // Which controls are of use, and what the sliders say.
  const show = () => {
    for (const box of form.querySelectorAll("[data-only]")) {
      box.hidden = box.dataset.only !== form.elements.family.value;
    }
    form.querySelector('[data-name="m"]').hidden = !option().dataset.m;
    for (const output of form.querySelectorAll("output")) {
      output.value = form.elements[output.htmlFor.value.slice(3)].value;
    }
  };

  const stages = (count) => {
    for (const label of form.querySelectorAll("[data-stage]")) {
      label.hidden = Number(label.dataset.stage) > count;
      if (label.hidden) label.querySelector("input").checked = false;
    }
  };

  // Questions to the library: one at a time, and of those that wait the last.

  let asking = false;
  let again = false;

  const ask = async () => {
    again = asking;
    if (asking) return;
    asking = true;
    root.classList.add("ex-waiting");
    try {
      const begun = performance.now();
      const said = await deepreshape.call("respond", JSON.stringify(texts()));
      root.dataset.milliseconds = String(performance.now() - begun);
      status.textContent = "";
      answered(JSON.parse(said));
    } catch (error) {
      status.textContent = error.message;
    }
    asking = false;
    root.classList.remove("ex-waiting");
    root.dataset.answers = String(Number(root.dataset.answers ?? 0) + 1);
    if (again) ask();
  };

  let speaking;

  const answered = (answer) => {
    fault.textContent = answer.error ?? "";
    results.classList.toggle("ex-stale", Boolean(answer.error));
    if (answer.error) return;
    results.innerHTML = answer.html;
    mine = answer.mine;
    stages(answer.stages);
    // A slider on its way says nothing until it rests.
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      summary.textContent = answer.summary;
    }, 300);
    const query = new URLSearchParams(answer.texts).toString();
    try {
      history.replaceState(null, "", query ? `?${query}` : location.pathname);
    } catch {
      // An address that may not change: the page works without.
    }
    draw();
  };

  const starting = () => {
    if (root.dataset.started) return;
    root.dataset.started = "yes";
    status.textContent = "Python starts in this page: some seconds, once.";
    ask();
  };

  form.addEventListener("pointerdown", starting, { once: true });
  form.addEventListener("focusin", starting, { once: true });
  form.addEventListener("input", (event) => {
    if (event.target.name === "family") usualM();
    show();
    starting();
    ask();
  });
  form.querySelector(".ex-begin").addEventListener("click", () => {
    fill({});
    starting();
    ask();
  });
  form.addEventListener("submit", (event) => event.preventDefault());

  results.addEventListener("click", async ({ target }) => {
    if (!target.matches(".ex-copy")) return;
    await navigator.clipboard.writeText(target.dataset.text);
    status.textContent = "Copied.";
  });

  // The plot: the paper's networks, their front, and what is set here.

  const views = {
    relus: ["ReLUs", true],
    flops: ["FLOPs", true],
    paper: ["seconds by the paper's model", true],
    lan: ["seconds over a LAN, with truncations", true],
    wan: ["seconds over a WAN, with truncations", true],
  };
  const plot = root.querySelector(".ex-plot");
  const axis = root.querySelector("#ex-axis");
  const said = root.querySelector(".ex-plot-text");
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  const front = (points, x) => {
    const sorted = [...points].sort((a, b) => a[x] - b[x] || b.accuracy - a.accuracy);
    let best = -Infinity;
    return sorted.filter((point) => point.accuracy > best && (best = point.accuracy) > 0);
  };

  const specification = (x) => {
    const points = data.points.filter((point) => point.data === mine.data);
    const known = mine[x] !== null && mine[x] > 0;
    const scale = { type: "log", nice: false, padding: 12 };
    const at = { field: x, type: "quantitative", scale, title: views[x][0] };
    at.axis = { format: "~s", tickCount: 6, labelOverlap: true };
    const up = {
      field: "accuracy", type: "quantitative", title: "accuracy (%)", scale: { zero: false },
    };
    const numbers = ["label", "accuracy", "relus", "flops", "paper", "lan", "wan"];
    const titles = ["network", "accuracy (%)", "ReLUs", "FLOPs", "s, paper's model", "s, LAN", "s, WAN"];
    const tooltip = numbers.map((field, index) => ({
      field,
      title: titles[index],
      type: index ? "quantitative" : "nominal",
      ...(index > 1 ? { format: index > 3 ? ",.1f" : index > 2 ? ".3s" : "," } : {}),
    }));
    const kind = {
      field: "kind",
      type: "nominal",
      title: null,
      scale: {
        domain: ["HybReNets", "other networks"],
        range: [colour("--ex-first"), colour("--ex-second")],
      },
    };
    const named = points.map((p) => ({ ...p, kind: p.ours ? "HybReNets" : "other networks" }));
    const layer = [
      {
        data: { values: front(points, x) },
        mark: { type: "line", interpolate: "step-after", color: colour("--ex-line"), opacity: 0.6 },
        encoding: { x: at, y: up },
      },
      {
        data: { values: named },
        mark: { type: "point", filled: true, size: 70, opacity: 0.9 },
        encoding: {
          x: at, y: up, color: kind, tooltip,
          shape: { ...kind, scale: { domain: kind.scale.domain, range: ["circle", "triangle-up"] } },
        },
      },
    ];
    if (known) {
      layer.push({
        data: { values: [mine] },
        mark: { type: "rule", color: colour("--ex-mine"), strokeWidth: 2, strokeDash: [6, 3] },
        encoding: { x: at, tooltip: [tooltip[0], ...tooltip.slice(2)] },
      });
    }
    const grey = colour("--ex-text");
    return {
      width: plot.clientWidth,
      height: 320,
      autosize: { type: "fit", contains: "padding" },
      background: "transparent",
      layer,
      config: {
        view: { stroke: null },
        axis: {
          labelColor: grey, titleColor: grey, domainColor: grey, tickColor: grey,
          gridOpacity: 0.2, labelFontSize: 12, titleFontSize: 13,
        },
        legend: { labelColor: grey, orient: "bottom", labelFontSize: 12 },
      },
    };
  };

  let drawing = Promise.resolve();

  const describe = (x) => {
    const points = data.points.filter((point) => point.data === mine.data);
    if (!points.length) return "The paper has no network for this input size.";
    const names = front(points, x).map((point) => `${point.label} (${point.accuracy} %)`);
    const most = ["lan", "wan"].includes(x) && !mine.counted;
    return (
      `${mine.data}: accuracy against ${views[x][0]}. On the front are ${names.join("; ")}. ` +
      "The dashed line is your network, whose accuracy only training tells." +
      (most ? " Its truncations were not counted: it takes no more than this." : "")
    );
  };

  const draw = () => {
    drawing = drawing.then(async () => {
      const x = axis.value;
      said.textContent = describe(x);
      plot.setAttribute("aria-label", said.textContent);
      plot.hidden = !data.points.some((point) => point.data === mine.data);
      if (plot.hidden) return;
      const options = {
        actions: false,
        renderer: "svg",
        tooltip: { theme: document.documentElement.dataset.theme },
      };
      await vegaEmbed(plot, specification(x), options);
    });
  };

  axis.addEventListener("change", draw);
  let width = 0;
  new ResizeObserver(() => {
    if (plot.clientWidth !== width) draw();
    width = plot.clientWidth;
  }).observe(plot.parentElement);
  new MutationObserver(draw).observe(document.documentElement, {
    attributeFilter: ["data-theme"],
  });

  // What the search for designs reads of this form, and how it sets a network.

  root.texts = texts;
  root.set = (values) => {
    fill(values);
    starting();
    ask();
  };

  // The page as its address says.

  form.querySelector(".ex-all").disabled = false;
  const asked = Object.fromEntries(new URLSearchParams(location.search));
  delete asked.highlight; // the search page's own
  if (Object.keys(asked).length) {
    fill(asked);
    starting();
  } else {
    fill({});
  }
  draw();
})();
