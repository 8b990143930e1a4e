/**
 * Drag and drop, progress and cancel for one upload. Without this script the form is sent as it is.
 *
 *   <form method="post" enctype="multipart/form-data" data-upload data-limit="2147483648">
 *     <div data-drop> <label>…</label> <input type="file" name="file"> </div>
 *     <p class="error" data-upload-error></p>
 *     <div data-upload-progress hidden> <span data-upload-words></span> <progress max="100"></progress> </div>
 *     <button data-upload-send>Upload</button> <button type="button" data-upload-cancel hidden>Cancel</button>
 *   </form>
 */
const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** 3400000 as "3.4 MB". */
export function inWords(bytes) {
  let amount = bytes, unit = 0;
  while (amount >= 1000 && unit < UNITS.length - 1) { amount /= 1000; unit += 1; }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** Why these files cannot be sent, or "". */
export function problemWith(files, limit) {
  if (files.length !== 1) return files.length ? "One file at a time, please." : "Choose a file first.";
  const [file] = files;
  if (!file.size) return `${file.name} is empty, or a folder.`;
  if (limit && file.size > limit) return `${file.name} has ${inWords(file.size)}; uploads may have ${inWords(limit)}. manage.py import_transcripts reads files of any size on the server itself.`;
  return "";
}

/** What the progress line says. */
export function progressWords(sent, total) {
  return sent < total ? `Uploading: ${inWords(sent)} of ${inWords(total)}` : "Arrived; looking at it";
}

/** The error that an answered page shows, or a general one. */
export function errorOf(page, status) {
  const words = page?.querySelector("[data-upload-error]")?.textContent.trim();
  if (words) return words;
  return status === 413 ? "The file is too large for the server." : `The upload did not work (${status}).`;
}

function attach(form) {
  const input = form.querySelector('input[type="file"]');
  const drop = form.querySelector("[data-drop]");
  const error = form.querySelector("[data-upload-error]");
  const progress = form.querySelector("[data-upload-progress]");
  const words = form.querySelector("[data-upload-words]");
  const send = form.querySelector("[data-upload-send]");
  const cancel = form.querySelector("[data-upload-cancel]");
  const bar = progress.querySelector("progress");
  const limit = Number(form.dataset.limit);
  let request = null;

  const busy = (on) => {
    progress.hidden = cancel.hidden = !on;
    send.disabled = input.disabled = on;
    if (on) cancel.focus();
  };
  const fail = (problem) => { request = null; busy(false); error.textContent = problem; input.focus(); };

  const start = () => {
    const problem = problemWith([...input.files], limit);
    error.textContent = problem;
    if (problem || request) return;
    const body = new FormData(form);
    request = new XMLHttpRequest();
    request.open("POST", form.action || location.href);
    request.responseType = "document";
    request.upload.addEventListener("progress", (event) => {
      words.textContent = progressWords(event.loaded, event.total);
      if (event.loaded < event.total) bar.value = (100 * event.loaded) / event.total;
      else bar.removeAttribute("value");
    });
    request.addEventListener("load", () => {
      if (request.status < 300) location.assign(request.responseURL);
      else fail(errorOf(request.response, request.status));
    });
    request.addEventListener("error", () => fail("The connection broke. Nothing was stored; try again."));
    request.addEventListener("abort", () => fail("Cancelled. Nothing was stored."));
    busy(true);
    request.send(body);
  };

  form.addEventListener("submit", (event) => { event.preventDefault(); start(); });
  cancel.addEventListener("click", () => request?.abort());
  input.addEventListener("change", () => { error.textContent = input.files.length ? problemWith([...input.files], limit) : ""; });
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (request || !event.dataTransfer.files.length) return;
    const problem = problemWith([...event.dataTransfer.files], limit);
    if (problem) { error.textContent = problem; return; }
    input.files = event.dataTransfer.files;
    start();
  });
}

if (typeof document !== "undefined") document.querySelectorAll("form[data-upload]").forEach(attach);
