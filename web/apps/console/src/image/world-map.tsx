// Where a picture was taken, on a map that no other host is asked for.

import { geoEqualEarth, geoPath } from "d3-geo";
import { useMemo } from "react";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import atlas from "world-atlas/land-110m.json";

import { words } from "../words";

const WIDTH = 480;
const HEIGHT = 240;
const world = atlas as unknown as Topology<{ land: GeometryCollection }>;

export default function WorldMap({ latitude, longitude }: { latitude: number; longitude: number }) {
  const { land, point } = useMemo(() => {
    const shape = feature(world, world.objects.land);
    const projection = geoEqualEarth().fitSize([WIDTH, HEIGHT], { type: "Sphere" });
    return { land: geoPath(projection)(shape) ?? "", point: projection([longitude, latitude]) };
  }, [latitude, longitude]);
  const place = `${latitude.toFixed(4)}, ${longitude.toFixed(4)}`;
  return (
    <svg className="map" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words.mapOf(place)}>
      <path d={land} />
      {point && <circle cx={point[0]} cy={point[1]} r={5} />}
    </svg>
  );
}
