"""What libwebp's efforts, qualities and sharp YUV cost and give: the tables of docs/decisions/0033. Run by
`make bench-efforts`; the photos are its arguments."""

import math
import os
import statistics
import sys
import tempfile

from compare import SIDES, Judge, ours

USUAL = (4, 85, False)
TRIED = [USUAL, (2, 85, False), (2, 85.8, False), (2, 86.5, False), (4, 84, True), (4, 84.5, True), (6, 85, False)]


def main():
    peers = {one: ours(effort=one[0], quality=one[1], sharp_yuv=one[2]) for one in TRIED}
    found = {one: {name: [] for name in SIDES} for one in TRIED}
    for file in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            judge = Judge(file, folder)
            for one, peer in peers.items():
                sizes = dict(peer.make("five", file, folder)["sizes"])
                for name, score in judge.scores(folder).items():
                    found[one][name].append((sizes[name], score))
            judge.end()
    print("| variant | effort | quality | sharp YUV | bytes, of the first row's | SSIMULACRA2, less the first row's: median | worst |")
    print("|---|---|---|---|---|---|---|")
    for name in SIDES:
        for effort, quality, sharp in TRIED:
            pairs = list(zip(found[effort, quality, sharp][name], found[USUAL][name]))
            size = math.exp(statistics.mean(math.log(one[0] / usual[0]) for one, usual in pairs))
            less = [one[1] - usual[1] for one, usual in pairs]
            cells = f"{size:.3f} | {statistics.median(less):+.2f} | {min(less):+.2f}"
            print(f"| {name} | {effort} | {quality} | {'yes' if sharp else 'no'} | {cells} |")
    for peer in peers.values():
        peer.process.kill()


main()
