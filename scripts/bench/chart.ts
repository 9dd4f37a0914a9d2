// The results as a picture: for each group of bars what it is compared with, medians and the spread of all runs.

import { BoxplotChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { Spread } from "./statistics.ts";

use([BoxplotChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

export interface Chart {
  readonly title: string;
  /** Of the values' axis. */
  readonly unit: string;
  /** Along the other axis. */
  readonly groups: readonly string[];
  readonly series: readonly Series[];
}

export interface Series {
  readonly name: string;
  /** One for each group. */
  readonly spreads: readonly (Spread | undefined)[];
}

/** Whether there is anything in it. */
export function hasSpreads({ series }: Chart): boolean {
  return series.some(({ spreads }) => spreads.some((spread) => spread !== undefined));
}

const [WIDTH, HEIGHT] = [900, 420];
const COLOURS = ["#1b6ca8", "#e08214", "#5aae61", "#8073ac", "#d6604d", "#777777"];

/** An SVG document: a box from the lower to the upper quartile, whiskers to the extremes, a line at the median. */
export function drawn({ title, unit, groups, series }: Chart): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    color: COLOURS,
    title: { text: title, left: "center" },
    legend: { top: 34, itemGap: 30 },
    grid: { top: 80, left: 60, right: 20, bottom: 40 },
    xAxis: { type: "category", data: [...groups] },
    yAxis: { type: "value", name: unit, min: 0 },
    series: series.map(({ name, spreads }, index) => ({
      type: "boxplot" as const,
      name,
      itemStyle: { color: `${COLOURS[index % COLOURS.length]}55`, borderColor: COLOURS[index % COLOURS.length]! },
      data: spreads.map((spread) => (spread === undefined ? "-" : values(spread))),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function values({ least, lower, median, upper, most }: Spread): number[] {
  return [least, lower, median, upper, most];
}
