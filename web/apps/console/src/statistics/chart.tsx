// Numbers as a picture, and as a table for those who read or hear them.

import { Area, AreaChart, Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";

import { words } from "../words";

type Value = { name: string; value: number };
type ChartProps = { title: string; values: readonly Value[]; inWords: (value: number) => string; kind?: "bars" | "line" };

/** In pixels. */
const HEIGHT = 220;

export function Chart({ title, values, inWords, kind = "bars" }: ChartProps) {
  const Kind = kind === "line" ? AreaChart : BarChart;
  return (
    <figure className="chart">
      <figcaption>{title}</figcaption>
      <div aria-hidden="true">
        <ResponsiveContainer width="100%" height={HEIGHT}>
          <Kind data={[...values]} accessibilityLayer={false} margin={{ top: 8, right: 8, bottom: 0, left: 0 }}>
            <CartesianGrid vertical={false} stroke="var(--line)" />
            <XAxis dataKey="name" stroke="var(--quiet)" tickLine={false} minTickGap={24} />
            <YAxis stroke="var(--quiet)" tickLine={false} width={72} allowDecimals={false} tickFormatter={inWords} />
            <Tooltip
              formatter={(value) => inWords(Number(value))}
              cursor={{ fill: "var(--line)", opacity: 0.4 }}
              contentStyle={{ background: "var(--raised)", border: "1px solid var(--line)" }}
            />
            {kind === "line" ? (
              <Area dataKey="value" name={title} stroke="var(--accent)" fill="var(--accent)" fillOpacity={0.25} isAnimationActive={false} />
            ) : (
              <Bar dataKey="value" name={title} fill="var(--accent)" maxBarSize={64} radius={[3, 3, 0, 0]} isAnimationActive={false} />
            )}
          </Kind>
        </ResponsiveContainer>
      </div>
      <table className="hidden">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th>{words.name}</th>
            <th>{words.count}</th>
          </tr>
        </thead>
        <tbody>
          {values.map(({ name, value }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{inWords(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
