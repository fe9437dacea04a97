// What pages need beside htmx. Everything is found by an attribute, so that pages hold no scripts (the Content-Security-Policy
// forbids them) and what htmx brings in later works like what was there from the start.
"use strict";

// Buttons that copy: data-copy is the text itself.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const said = button.querySelector("[data-copied]");
  if (!navigator.clipboard) return getSelection().selectAllChildren(button.previousElementSibling); // without TLS: for Ctrl+C
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add("btn-success");
  if (said) said.hidden = false;
  setTimeout(() => {
    button.classList.remove("btn-success");
    if (said) said.hidden = true;
  }, 2000);
});

// Dialogs: data-opens is the id of one, data-closes closes the one around.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  if (event.target.closest("[data-closes]")) event.target.closest("dialog")?.close();
});

// A form that is answered with a file leaves the page as it is, so its dialog closes by itself.
document.addEventListener("submit", (event) => {
  if (event.target.closest("[data-closes-dialog]")) event.target.closest("dialog")?.close();
});

// What was shown once is at an address that cannot be asked for again: data-becomes is the one that reloading the page goes to.
const becomes = document.querySelector("[data-becomes]");
if (becomes) history.replaceState(null, "", becomes.dataset.becomes);

// What a template of codes makes: data-previews is the id of the place for it.
document.addEventListener("input", (event) => {
  const template = event.target.closest("[data-previews]");
  if (!template) return;
  const place = document.getElementById(template.dataset.previews);
  place.textContent = template.value.replaceAll("{shop_id}", place.dataset.shop).replaceAll("{order_id}", place.dataset.order);
});

// Buttons that press a switch elsewhere: data-toggles is its id.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toggles]");
  if (button) document.getElementById(button.dataset.toggles).click();
});

// Forms that are sent as soon as something in them changes.
document.addEventListener("change", (event) => {
  if (event.target.closest("form[data-submits]")) event.target.form.requestSubmit();
});

// A list that follows what happens stops while data-pauses is pressed.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pauses]");
  if (!button) return;
  const paused = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(paused));
  document.getElementById(button.dataset.pauses).toggleAttribute("data-paused", paused);
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.closest("[data-paused]") && event.detail.requestConfig.triggeringEvent?.type !== "click") event.preventDefault();
});
// An answer that was under way when the list was stopped moves nothing any more.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.target.closest("[data-paused]") && event.detail.requestConfig.triggeringEvent?.type !== "click") event.preventDefault();
});

// The service may be restarting under the page: say so, and that it is tried again, until an answer comes.
const offline = () => document.getElementById("offline");
for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, () => offline()?.removeAttribute("hidden"));
}
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr?.status > 0) offline()?.setAttribute("hidden", "");
});
// An answer that is an error is shown where the page has a place for it.
document.addEventListener("htmx:beforeSwap", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401) {
    location.reload();
    return;
  }
  if (status >= 400 && status !== 503) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

// Charts: data-chart is the address of its numbers, {series: [{label, values}], x: [seconds]}. They are asked for again every few
// seconds. With data-gaps each value is a point, since of some moments there is none.
function drawChart(place) {
  const style = getComputedStyle(document.documentElement);
  const colours = ["--color-primary", "--color-accent", "--color-error"].map((name) => style.getPropertyValue(name).trim());
  const text = style.getPropertyValue("--color-base-content").trim();
  const grid = style.getPropertyValue("--color-base-300").trim();
  const clock = new Intl.DateTimeFormat("vi-VN", { hour: "2-digit", minute: "2-digit", timeZone: place.dataset.zone, hourCycle: "h23" });
  const gaps = place.hasAttribute("data-gaps");
  let chart;
  const width = () => Math.max(240, place.clientWidth);
  const refresh = async () => {
    if (!place.isConnected) return chart?.destroy();
    try {
      const answer = await fetch(place.dataset.chart, { headers: { Accept: "application/json", "HX-Request": "true", "HX-Trigger-Name": "poll" } });
      if (answer.status === 401) return location.reload();
      if (answer.ok) {
        const numbers = await answer.json();
        const data = [numbers.x, ...numbers.series.map((one) => one.values)];
        if (chart) chart.setData(data);
        else {
          const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: "12px Be Vietnam Pro" };
          chart = new uPlot(
            {
              width: width(), height: Number(place.dataset.height || 200), legend: { show: numbers.series.length > 1 }, cursor: { y: false },
              scales: { y: { range: (_, __, most) => [0, Math.max(1, Math.ceil(most * 1.1))] } },
              axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => clock.format(new Date(tick * 1000))) }, { ...axis, size: 44 }],
              series: [{ label: place.dataset.time, value: (_, tick) => (tick == null ? "" : clock.format(new Date(tick * 1000))) },
                ...numbers.series.map((one, i) => ({ label: one.label, stroke: colours[i], width: 2, fill: i === 0 ? colours[i] + "22" : undefined, spanGaps: gaps, points: { show: gaps, size: 5 } }))],
            },
            data,
            place,
          );
        }
      }
    } catch {
      // the service is away for the moment: the next try is in a few seconds
    }
    setTimeout(refresh, Number(place.dataset.every || 5) * 1000);
  };
  new ResizeObserver(() => chart?.setSize({ width: width(), height: chart.height })).observe(place);
  refresh();
}
const drawn = new WeakSet();
function drawCharts() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    if (drawn.has(place)) continue;
    drawn.add(place);
    drawChart(place);
  }
}
document.addEventListener("DOMContentLoaded", drawCharts);
document.addEventListener("htmx:afterSettle", drawCharts);
