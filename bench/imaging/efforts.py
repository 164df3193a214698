"""What libwebp's efforts cost and give, at several qualities: the table of docs/decisions/0014. Run by
`make bench-efforts`; the photos are its arguments."""

import os
import statistics
import sys
import tempfile

from compare import Peer, SIDES, quality

PAIRS = [(0, 85), (0, 88), (1, 85), (1, 87), (2, 85), (2, 86), (2, 87), (3, 85), (3, 86), (4, 85), (4, 86), (6, 85)]
ROUNDS = 3


def main():
    print("| effort | quality | variant | CPU ms | bytes | SSIM | PSNR dB |\n|---|---|---|---|---|---|---|")
    for effort, asked in PAIRS:
        peer = Peer("Darkroom", [os.environ["BENCH_IMAGING"]], effort=effort, quality=asked)
        rows = {name: [] for name in SIDES}
        spent = {"four": [], "full": []}
        with tempfile.TemporaryDirectory() as folder:
            for file in sys.argv[1:]:
                for what in spent:
                    spent[what].append(statistics.median(peer.make(what, file)["cpu"] for _ in range(ROUNDS)))
                sizes = dict(peer.make("five", file, folder)["sizes"])
                for name, (ssim, psnr) in quality(file, folder).items():
                    rows[name].append((sizes[name], ssim, psnr))
        for name, found in rows.items():
            size, ssim, psnr = (statistics.mean(column) for column in zip(*found))
            cpu = f"{statistics.mean(spent['full' if name == 'webp' else 'four']):.0f}" if name in ("webp", "large") else ""
            print(f"| {effort} | {asked} | {name} | {cpu} | {size:.0f} | {ssim:.4f} | {psnr:.2f} |", flush=True)
        peer.process.kill()


main()
