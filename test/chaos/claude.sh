#!/bin/sh
# The stand-in for Claude Code, which works for a while and leaves marks before it answers: the line "marks ..." of the
# prompt holds the arguments of task.sh, and the answer is what that prints, in one line.
here=$(dirname "$0")
[ "$1" = --version ] && exec "$here/../support/cli/claude" "$@"
prompt=$(cat)
set -f
printed=$("$here/task.sh" $(printf '%s\n' "$prompt" | sed -n 's/^marks //p')) || exit
printf 'say %s\n%s\n' "$(echo $printed)" "$prompt" | "$here/../support/cli/claude" "$@"
