/** A plot for the documentation: lines over a logarithmic axis, as SVG that is readable on light and dark pages. */

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** A second kind of measurement of the same thing. */
  readonly dashed?: boolean;
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly Line[];
}

const WIDTH = 780;
const HEIGHT = 380;
const LEFT = 64;
const RIGHT = 280;
const TOP = 44;
const BOTTOM = 52;
const COLOURS = ['#2f6fb5', '#c2571a', '#3d8b40'];
const GREY = '#767676';

/** A colour for each name, in the order of their first lines. */
export function svgOf({ title, xLabel, yLabel, lines }: Plot): string {
  const points = lines.flatMap((line) => line.points);
  const exponents = points.map(([x]) => Math.log10(x));
  const [least, most] = [Math.floor(Math.min(...exponents)), Math.ceil(Math.max(...exponents))];
  const step = niceStep(Math.max(...points.map(([, y]) => y)) / 5);
  const top = step * Math.ceil(Math.max(...points.map(([, y]) => y)) / step);
  const at = {
    x: (x: number): number => LEFT + ((Math.log10(x) - least) / (most - least)) * (WIDTH - LEFT - RIGHT),
    y: (y: number): number => HEIGHT - BOTTOM - (y / top) * (HEIGHT - TOP - BOTTOM),
  };
  const xTicks = Array.from({ length: most - least + 1 }, (_, i) => 10 ** (least + i));
  const yTicks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
  const names = [...new Set(lines.map(({ name }) => name.split(',')[0]))];
  const parts = [
    text(LEFT, 22, title, 'start', 15),
    ...yTicks.flatMap((y) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at.y(y)}" y2="${at.y(y)}" stroke="${GREY}" stroke-opacity="0.25"/>`,
      text(LEFT - 8, at.y(y) + 4, String(Number(y.toFixed(2))), 'end'),
    ]),
    ...xTicks.map((x) => text(at.x(x), HEIGHT - BOTTOM + 20, x.toLocaleString('en'), 'middle')),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, xLabel, 'middle'),
    `<text transform="translate(16 ${(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    ...lines.flatMap((line, i) => drawn(line, COLOURS[names.indexOf(line.name.split(',')[0]) % 3] as string, i, at)),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="${GREY}" role="img">\n<title>${escaped(title)}</title>\n${parts.join('\n')}\n</svg>\n`;
}

interface Scale {
  x(value: number): number;
  y(value: number): number;
}

function drawn({ name, points, dashed }: Line, colour: string, i: number, at: Scale): string[] {
  const dash = dashed === true ? ' stroke-dasharray="5 4"' : '';
  const path = points.map(([x, y]) => `${at.x(x).toFixed(1)},${at.y(y).toFixed(1)}`);
  const keyY = TOP + 10 + i * 22;
  const keyX = WIDTH - RIGHT + 20;
  return [
    `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
    ...path.map((point) => {
      const [x, y] = point.split(',');
      return `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`;
    }),
    `<line x1="${keyX}" x2="${keyX + 24}" y1="${keyY}" y2="${keyY}" stroke="${colour}" stroke-width="2"${dash}/>`,
    text(keyX + 30, keyY + 4, name, 'start'),
  ];
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end', size = 12): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** 1, 2 or 5 times a power of ten, not below `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((times) => times * power >= least) ?? 10) * power;
}
