"use strict";
// The live page: fetch its content again whenever the server says that something changed.
const live = document.querySelector("[data-live]");
if (live) {
  const source = new EventSource(`/events?version=${live.dataset.live}`);
  source.addEventListener("changed", async () => {
    const answer = await fetch("/?part=1");
    if (answer.ok) live.innerHTML = await answer.text();
  });
  source.addEventListener("now", (event) => {
    const calls = JSON.parse(event.data);
    for (const cell of live.querySelectorAll("[data-call]")) {
      for (const side of calls[cell.dataset.call] || []) {
        const row = cell.querySelector(`[data-side="${side.who}"]`);
        row.querySelector("meter").value = side.level;
        row.querySelector("small").textContent = side.told;
        row.querySelector("span").textContent = side.words;
      }
    }
  });
  addEventListener("pagehide", () => source.close());
}
// The page of a call: the recording, the line in the picture and the words move together.
const audio = document.getElementById("audio");
const picture = document.getElementById("picture");
if (audio && picture) {
  const playhead = document.getElementById("playhead");
  const length = Number(picture.dataset.length) || 1;
  const words = [...document.querySelectorAll(".w")].map((node) => ({
    node, start: Number(node.dataset.s), end: Number(node.dataset.e),
  }));
  const show = () => {
    const ms = audio.currentTime * 1000;
    playhead.setAttribute("d", `M${Math.min(1000, (1000 * ms) / length).toFixed(1)} 8v280`);
    for (const word of words) word.node.classList.toggle("now", word.start <= ms && ms < word.end);
    if (!audio.paused) requestAnimationFrame(show);
  };
  const seek = (ms, play) => {
    audio.currentTime = ms / 1000;
    if (play) audio.play().catch(() => {}); // the browser may ask for a click first
    show();
  };
  for (const name of ["play", "seeked", "pause"]) audio.addEventListener(name, show);
  for (const button of document.querySelectorAll(".at")) {
    button.addEventListener("click", () => seek(Number(button.dataset.ms), true));
  }
  for (const word of words) word.node.addEventListener("click", () => seek(word.start, true));
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    seek((length * (event.clientX - box.left)) / box.width, !audio.paused);
  });
}
