// The reader's Python: packed files and a worker, which are loaded at the first call.
//
// One script holds all files, as a page that was opened from a disk may load scripts and nothing
// else. So a page that is served and one that is not do the same.

globalThis.deepreshape = (() => {
  const here = document.currentScript.src;
  const waiting = new Map();
  let worker = null;
  let started = null;
  let count = 0;

  const load = () =>
    new Promise((resolve, reject) => {
      if (globalThis.deepreshapeFiles) return resolve();
      const script = document.createElement("script");
      script.src = new URL("pyodide/packed.js", here).href;
      script.onload = resolve;
      script.onerror = () => reject(new Error("pyodide/packed.js cannot be loaded."));
      return document.head.append(script);
    });

  const send = (message) =>
    new Promise((resolve, reject) => {
      count += 1;
      waiting.set(count, { resolve, reject });
      worker.postMessage({ id: count, ...message });
    });

  const settle = ({ data }) => {
    const { resolve, reject } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error === undefined) resolve(data.value);
    else reject(new Error(data.error));
  };

  const start = async () => {
    await load();
    const { missing, source, files } = globalThis.deepreshapeFiles;
    if (missing) throw new Error(missing);
    const code = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    worker = new Worker(code);
    worker.onmessage = settle;
    worker.onerror = (event) => stop(event.message || "The worker failed.");
    await send({ files });
  };

  // End what runs; the next call starts anew.
  const stop = (reason) => {
    worker?.terminate();
    worker = null;
    started = null;
    for (const { reject } of waiting.values()) reject(new Error(reason));
    waiting.clear();
  };

  return {
    // Start, if that was not done; what comes before an answer is not waited for twice.
    ready: () => {
      started ??= start();
      return started;
    },
    call: async (name, argument) => {
      await globalThis.deepreshape.ready();
      return send({ name, argument });
    },
    stop,
  };
})();
