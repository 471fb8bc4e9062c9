#!/bin/sh
# Print the path of a Chromium browser. With the argument "install", install Debian's chromium if
# there is none and the user is root. The list of browsers is only here; tests and scripts run this.
find_browser() {
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" && return 0
  done
  return 1
}
find_browser && exit 0
if [ "$1" = install ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing chromium for the browser tests." >&2
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
      --no-install-recommends chromium fonts-noto-color-emoji; } >/dev/null 2>&1
fi
find_browser
