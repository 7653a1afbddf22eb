// uPlot with our data: several sensors, a scale for each unit, bands between minimum and maximum.
/* global uPlot */
import { moment, shown, unitShown } from "./core.js";

export const COLOURS = 8; // of lines, --c0 to --c7 in style.css

// How times are written below the chart; see uPlot's axis.values.
const TIMES = [
  [31536000, "{YYYY}", null, null, null, null, null, null, 1],
  [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  [0.001, ":{ss}.{fff}", "\n{D} {MMM} {YYYY} {HH}:{mm}", null, "\n{D} {MMM} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
];

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (index) => css(`--c${index % COLOURS}`);

export class Chart {
  constructor(place, zoomed, out) {
    this.place = place;
    this.zoomed = zoomed;
    this.plot = null;
    this.hover = document.createElement("div");
    this.hover.className = "hover";
    this.hover.hidden = true;
    place.addEventListener("dblclick", out);
    new ResizeObserver(() => this.resize()).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.all && this.draw(this.all, this.from, this.to));
  }

  height() {
    return Math.max(260, Math.min(520, innerHeight - 330));
  }

  resize() {
    this.plot?.setSize({ width: this.place.clientWidth, height: this.height() });
  }

  clear() {
    this.plot?.destroy();
    this.plot = null;
    this.all = null;
  }

  // all: what /series answers; from, to: in ms
  draw(all, from, to) {
    this.clear();
    [this.all, this.from, this.to] = [all, from, to];
    const units = [...new Set(all.map((each) => each.unit))];
    const scale = (unit) => `y${units.indexOf(unit)}`;
    const series = [{}];
    const bands = [];
    const tables = [];
    all.forEach((each, index) => {
      const drawn = { stroke: colour(index), width: 1.7, scale: scale(each.unit), points: { size: 5, show: each.time.length < 40 }, label: each.sensor };
      if (each.kind === "switch" && !each.size) drawn.paths = uPlot.paths.stepped({ align: 1 });
      const columns = [each.time.map((ms) => ms / 1000), each.value];
      const at = series.length;
      series.push(drawn);
      if (each.size) {
        const edge = { stroke: `${colour(index)}00`, width: 0, scale: scale(each.unit), points: { show: false }, label: "" };
        series.push({ ...edge }, { ...edge });
        bands.push({ series: [at + 2, at + 1], fill: `${colour(index)}33` });
        columns.push(each.low, each.high);
      }
      tables.push(columns);
    });
    const axes = [{ values: TIMES, stroke: css("--quiet"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line") } }];
    units.forEach((unit, index) => {
      axes.push({
        scale: scale(unit), side: index % 2 ? 1 : 3, label: unitShown(unit) || null, labelSize: 18, size: 58,
        stroke: css("--quiet"), grid: { show: index === 0, stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line") },
        values: (_, splits) => splits.map((value) => (value === null ? "" : shown(value))),
      });
    });
    const scales = { x: { time: true, range: [from / 1000, to / 1000] } };
    for (const unit of units) scales[scale(unit)] = { auto: true, range: (_, low, high) => spread(low, high) };
    const options = {
      width: this.place.clientWidth, height: this.height(), series, bands, axes, scales,
      cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
      legend: { show: false },
      hooks: {
        setSelect: [(plot) => this.select(plot)],
        setCursor: [(plot) => this.point(plot)],
      },
    };
    const data = tables.length ? uPlot.join(tables) : [[]];
    this.plot = new uPlot(options, data, this.place);
    this.place.append(this.hover);
  }

  select(plot) {
    if (plot.select.width < 5) return;
    const at = (left) => Math.round(plot.posToVal(left, "x") * 1000);
    this.zoomed(at(plot.select.left), at(plot.select.left + plot.select.width));
  }

  point(plot) {
    const { idx, left, top } = plot.cursor;
    if (idx === null || idx === undefined || left < 0 || !this.all) {
      this.hover.hidden = true;
      return;
    }
    const rows = [];
    let column = 1;
    this.all.forEach((each, index) => {
      const value = plot.data[column][idx];
      if (value !== null && value !== undefined) {
        const row = document.createElement("div");
        const swatch = document.createElement("span");
        swatch.className = `swatch c${index % COLOURS}`;
        const range = each.size ? ` (${shown(plot.data[column + 1][idx])} to ${shown(plot.data[column + 2][idx])})` : "";
        row.append(swatch, ` ${each.sensor}: ${shown(value, each.size ? "number" : each.kind)} ${unitShown(each.unit)}${range}`);
        rows.push(row);
      }
      column += each.size ? 3 : 1;
    });
    this.hover.hidden = rows.length === 0;
    this.hover.replaceChildren(moment(plot.data[0][idx] * 1000), ...rows);
    const bounds = plot.over;
    const x = bounds.offsetLeft + left;
    const right = left > bounds.clientWidth / 2;
    this.hover.style.left = right ? "auto" : `${x + 14}px`;
    this.hover.style.right = right ? `${this.place.clientWidth - x + 14}px` : "auto";
    this.hover.style.top = `${bounds.offsetTop + Math.min(top, bounds.clientHeight - 60)}px`;
  }
}

// Some room above and below; a line that doesn't change has its place in the middle.
function spread(low, high) {
  if (low === null || high === null || low === undefined) return [0, 1];
  const room = (high - low) * 0.07 || Math.abs(high) * 0.05 || 1;
  return [low - room, high + room];
}
