//! Images: what is taken in, what is made of it, and how long it is kept.

use std::path::PathBuf;

use clap::Args;

/// What the operator decided about what is taken in, what is made of it, and how long it is kept.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Images")]
pub struct ImagesConfig {
    /// The largest file that any category may allow, in bytes, up to 1 GiB: no image that is made is larger.
    #[arg(long, env = "MAX_UPLOAD_SIZE", default_value_t = 10 * 1024 * 1024,
          value_parser = clap::value_parser!(u64).range(1..=1024 * 1024 * 1024), global = true)]
    pub max_upload_size: u64,

    /// The largest image that is decoded: width times height.
    #[arg(long, env = "MAX_IMAGE_PIXELS", default_value_t = 50_000_000, global = true)]
    pub max_image_pixels: u64,

    /// What all images that are being made may take of the memory at once, in bytes, 64 MiB at least; by default a
    /// quarter of the machine's.
    #[arg(long, env = "IMAGE_MEMORY_BUDGET",
          value_parser = clap::value_parser!(u64).range(64 * 1024 * 1024..), global = true)]
    pub image_memory_budget: Option<u64>,

    /// A file of TOML or JSON that says which variants are made; by default the five.
    #[arg(long, env = "VARIANTS", global = true)]
    pub variants: Option<PathBuf>,

    /// The program that makes images: this one. Tests are another.
    #[arg(skip)]
    pub program: Option<PathBuf>,

    /// After how many seconds without a sign of life an upload has failed: 3600 to 2592000.
    #[arg(long, env = "UPLOAD_EXPIRY", default_value_t = 86_400,
          value_parser = clap::value_parser!(u32).range(3600..=2_592_000), global = true)]
    pub upload_expiry: u32,

    /// How long a deleted image can be restored, in seconds up to ten years; 0 is not at all.
    #[arg(long, env = "TRASH_RETENTION", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(..=315_360_000), global = true)]
    pub trash_retention: u32,

    /// How long what happened to images can be read again by `imageChanges`, in seconds: an hour to ten years.
    #[arg(long, env = "EVENT_RETENTION", default_value_t = 604_800,
          value_parser = clap::value_parser!(u32).range(3600..=315_360_000), global = true)]
    pub event_retention: u32,
}
