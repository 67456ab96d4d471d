// Python with the library, in a worker: it starts from the packed files, then answers calls.

// A page from a disk may start classic workers alone. pyodide wants a module's, which has none of
// these; it can do without.
self.importScripts = undefined;

const ROOT = "/home/pyodide/edition";

const bytesOf = (base64) => {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
};

// A packed file, gzip in base64, as a response of its own kind.
const unpacked = (base64, type) => {
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream, { headers: { "Content-Type": type } });
};

const urlOf = async (base64, type) =>
  URL.createObjectURL(new Blob([await unpacked(base64, type).arrayBuffer()], { type }));

async function start(files) {
  // Nothing is fetched but the one file that pyodide asks for by its name, and that is here.
  const fetched = self.fetch.bind(self);
  self.fetch = (address, options) =>
    String(address.url ?? address).endsWith("pyodide.asm.wasm")
      ? Promise.resolve(unpacked(files["pyodide.asm.wasm"], "application/wasm"))
      : fetched(address, options);
  const [loader, factory, stdLibURL, lockFileContents, library] = await Promise.all([
    urlOf(files["pyodide.mjs"], "text/javascript").then((url) => import(url)),
    urlOf(files["pyodide.asm.mjs"], "text/javascript").then((url) => import(url)),
    urlOf(files["python_stdlib.zip"], "application/zip"),
    unpacked(files["pyodide-lock.json"], "application/json").text(),
    unpacked(files["library.zip"], "application/zip").arrayBuffer(),
  ]);
  const python = await loader.loadPyodide({
    createPyodideModule: factory.default,
    indexURL: "https://packed.invalid/", // an address that is never asked for
    stdLibURL,
    lockFileContents,
  });
  python.unpackArchive(new Uint8Array(library), "zip", { extractDir: ROOT });
  python.runPython(`import sys; sys.path.insert(0, "${ROOT}/lib")`);
  const function_ = (module, name) => python.pyimport(`deepreshape.paper.explorer.${module}`)[name];
  return {
    respond: function_("view", "respond_json"),
    suggest: function_("search", "respond_json"),
    run: function_("cells", "shown"),
  };
}

let functions;

self.onmessage = async ({ data }) => {
  try {
    if (data.files) {
      functions = await start(data.files);
      self.postMessage({ id: data.id });
    } else {
      self.postMessage({ id: data.id, value: functions[data.name](data.argument) });
    }
  } catch (error) {
    self.postMessage({ id: data.id, error: String(error.message ?? error) });
  }
};
