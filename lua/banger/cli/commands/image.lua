-- Rows of `banger image`. Images belong to the owner; they are made here, by the client, without root.
local one = { kind = "object", key = "image", shape = "image" }

return {
  name = "image",
  summary = "disk images that VMs start from",
  page = {
    "An image is the disk that new VMs start from. A VM writes to a copy of its own; the image never changes.",
    "",
    "  banger image build debian                    Debian with ssh and banger's quick init; no root needed",
    "  banger image pull debian:12 --name deb12     from a container registry",
    "  banger image import disk.qcow2 --name mine   a disk or a tar that you already have",
    "  banger image list                            what there is",
    "  banger vm create dev --image mine            use it",
    "  banger image warm mine                       from now on VMs of it do not boot, but go on from a copy",
    "  banger image delete mine                     remove it; VMs that stand on it keep their disks",
  },
  verbs = {
    {
      name = "build", summary = "build an image from a distribution's packages",
      args = { { name = "DISTRIBUTION", type = "word", help = "debian" } },
      flags = {
        { name = "name", value = "NAME", type = "new_image", help = "the image's name (default: the distribution's)" },
        { name = "suite", value = "SUITE", type = "word", help = "release to install (default: bookworm)" },
        { name = "packages", value = "A,B", type = "word", many = true, help = "more packages" },
        { name = "script", value = "FILE", type = "path", help = "run this in the new root before it is packed" },
        { name = "init", value = "INIT", type = "init", help = "banger (quick, the default) or systemd" },
        { name = "mirror", value = "URL", type = "word", help = "where the packages come from" },
      },
      json = one, run = "image:build", text = "image:text_one",
      examples = { "banger image build debian", "banger image build debian --name tools --packages git,make" },
    },
    {
      name = "pull", summary = "fetch an image from an OCI registry",
      args = { { name = "REF", type = "word", help = "[HOST/]NAME[:TAG][@sha256:...]" } },
      flags = {
        { name = "name", value = "NAME", type = "new_image", help = "the image's name (default: the reference's last word)" },
        { name = "limit", value = "SIZE", type = "size", help = "refuse more than this, unpacked (default: 32G)" },
      },
      json = one, run = "image:pull", text = "image:text_one",
      examples = { "banger image pull debian:12 --name deb12", "banger image pull ghcr.io/owner/tools:v1" },
    },
    {
      name = "import", summary = "take a raw ext4 disk, a qcow2 or a tar as an image",
      args = { { name = "FILE", type = "path", help = "the disk or archive" } },
      flags = { { name = "name", value = "NAME", type = "new_image", help = "the image's name (default: the file's)" } },
      json = one, run = "image:import", text = "image:text_one",
      examples = { "banger image import disk.ext4 --name mine" },
    },
    {
      name = "warm", summary = "keep a booted VM of it: new ones of that size go on from there instead of booting",
      args = { { name = "NAME", type = "image", help = "the image" } },
      flags = {
        { name = "kernel", value = "KERNEL", type = "kernel", help = "kernel (default: debian)" },
        { name = "cpus", value = "N", type = "cpus", help = "virtual CPUs (default: 1)" },
        { name = "memory", value = "SIZE", type = "memory", help = "memory (default: 512M)" },
        { name = "disk", value = "SIZE", type = "size", help = "the disk's size (default: 8G, or the image's size)" },
        { name = "engine", value = "ENGINE", type = "engine", help = "see `banger engine list` (default: auto)" },
      },
      json = { kind = "object", key = "template", shape = "snapshot" }, run = "image:warm", text = "image:text_warm",
      examples = { "banger image warm debian", "banger image warm debian --memory 2G --cpus 2" },
    },
    {
      name = "list", summary = "all images", effect = "read", args = {}, flags = {},
      json = { kind = "object", key = "images", shape = "image", list = true }, run = "image:list", text = "image:text_list",
      examples = { "banger image list" },
    },
    {
      name = "show", summary = "everything about one image",
      effect = "read",
      args = { { name = "NAME", type = "image", help = "the image" } }, flags = {},
      json = one, run = "image:show", text = "image:text_show",
      examples = { "banger image show debian" },
    },
    {
      name = "delete", summary = "remove an image",
      effect = "destroy",
      args = { { name = "NAME", type = "image", help = "the image" } }, flags = {},
      json = one, run = "image:delete", text = "image:text_gone",
      examples = { "banger image delete mine" },
    },
    {
      name = "prune", summary = "remove the images that no VM uses",
      effect = "destroy", args = {}, flags = {},
      json = { kind = "object", key = "pruned", shape = "pruned" }, run = "image:prune", text = "image:text_pruned",
      examples = { "banger image prune" },
    },
  },
}
