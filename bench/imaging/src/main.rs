//! Makes images as it is told to, a line of JSON each, and answers with what it took. Stays, as the processes that it
//! is measured beside do; the server starts a process an image, which bench/upload.mjs measures.

use std::{
    io::{BufRead, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use darkroom::{
    domain::variant_spec::{VariantSet, VariantSpec},
    imaging::{Limits, Opened},
};
use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
use serde::{Deserialize, Serialize};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Deserialize)]
struct Order {
    what: What,
    file: PathBuf,
    /// Where to leave what was made.
    out: Option<PathBuf>,
    /// Of all variants, in the place of their own.
    #[serde(default)]
    quality: Option<f32>,
    #[serde(default)]
    effort: Option<u8>,
    #[serde(default)]
    sharp_yuv: Option<bool>,
    /// In pixels, of what is to be scored.
    #[serde(default)]
    width: Option<u32>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    /// All of the server's variants.
    Five,
    /// Those that are not of full size.
    Four,
    /// The full size alone.
    Full,
    /// How like two pictures are, `file` and `out`, both of RGB without a header, by SSIMULACRA2.
    Score,
}

#[derive(Serialize)]
struct Spent {
    /// In milliseconds, of all threads.
    cpu: f64,
    wall: f64,
    /// Of the CPU, what it took until the first variant was there, which somebody waits for.
    first: f64,
    /// In bytes, by variant.
    sizes: Vec<(String, usize)>,
}

#[expect(clippy::print_stdout, reason = "the answers are what was asked for")]
#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
fn main() -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?)?;
        let bytes = std::fs::read(&order.file).with_context(|| order.file.display().to_string())?;
        let (cpu, wall) = (cpu(), Instant::now());
        let answer = match order.what {
            What::Score => serde_json::to_string(&score(&bytes, &order)?)?,
            _ => {
                let (first, sizes) = make(&bytes, &order)?;
                let wall = wall.elapsed().as_secs_f64() * 1000.0;
                let spent = Spent { cpu: self::cpu() - cpu, wall, first: first - cpu, sizes };
                serde_json::to_string(&spent)?
            }
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// When the first variant was there, by the CPU's clock, and how large they are.
type Made = (f64, Vec<(String, usize)>);

fn make(bytes: &[u8], order: &Order) -> Result<Made> {
    let set = VariantSet::default();
    let specs = set.iter().filter(|spec| match order.what {
        What::Four => spec.bounds.is_some(),
        What::Full => spec.bounds.is_none(),
        _ => true,
    });
    let specs: Vec<VariantSpec> = specs
        .cloned()
        .map(|spec| VariantSpec {
            quality: order.quality.unwrap_or(spec.quality),
            effort: order.effort.unwrap_or(spec.effort),
            sharp_yuv: order.sharp_yuv.unwrap_or(spec.sharp_yuv),
            ..spec
        })
        .collect();
    image(bytes, &specs, order.out.as_deref())
}

/// 100 where both are one, 90 where nobody sees a difference side by side.
fn score(reference: &[u8], order: &Order) -> Result<f64> {
    let (other, width) = (order.out.as_ref().context("another picture")?, order.width.context("a width")?);
    let other = std::fs::read(other)?;
    let stride = width as usize * 3;
    let height = u32::try_from(reference.len() / stride)?;
    let slice = |pixels| PixelSlice::new(pixels, width, height, stride, PixelDescriptor::RGB8_SRGB);
    let picture = |pixels| slice(pixels).map_err(|error| anyhow::anyhow!("{error}"));
    Ok(compute_ssimulacra2(&picture(reference)?, &picture(&other)?)?)
}

/// All that the server does of an image, but for storing it.
fn image(bytes: &[u8], specs: &[VariantSpec], out: Option<&Path>) -> Result<Made> {
    let decoded = Opened::new(bytes, None, Limits { max_pixels: 100_000_000 })?.decode(specs)?;
    decoded.facts()?;
    decoded.metadata();
    let (mut first, mut sizes) = (None, Vec::new());
    for spec in specs {
        let made = decoded.variant(spec)?;
        first.get_or_insert_with(cpu);
        if let Some(out) = out {
            std::fs::write(out.join(format!("{}.webp", made.name)), &made.bytes)?;
        }
        sizes.push((made.name.to_string(), made.bytes.len()));
    }
    Ok((first.unwrap_or_else(cpu), sizes))
}

/// Of this process, in milliseconds.
fn cpu() -> f64 {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    std::time::Duration::new(clock.tv_sec.unsigned_abs(), clock.tv_nsec.try_into().unwrap_or(0)).as_secs_f64() * 1000.0
}
