#!/bin/sh
# Print the path of a Chromium; with the word install, install Debian's where there is none and we
# are root. Which browsers will do stands here alone: tests and scripts ask this file.
find_one() {
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" && return 0
  done
  return 1
}
find_one && exit 0
if [ "$1" = install ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing chromium for the tests of the page." >&2
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
      --no-install-recommends chromium fonts-noto-color-emoji; } >/dev/null 2>&1
fi
find_one
