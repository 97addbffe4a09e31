#!/bin/sh
# One attempt of a task of the chaos run. It leaves marks in the world: a line when it starts, one every 100 ms while
# it lives, one when it ends. Each is one append, so that the order of the lines is the order of the world.
#   task.sh MARKS KEY BEATS BEATS_OF_LATER_ATTEMPTS EXIT_CODE WORDS
# Prints the name of the attempt, which nobody else has, and so many words more: the name, a dot and their number.
marks=$1 key=$2 beats=$3 code=$5 words=$6
read -r attempt </proc/sys/kernel/random/uuid
[ -e "$marks.$key" ] && beats=$4
: >"$marks.$key"
mark() { echo "$1 $key $attempt ${HOME##*/}" >>"$marks"; }
mark start
while [ "$beats" -gt 0 ]; do
  sleep 0.1
  mark beat
  beats=$((beats - 1))
done
mark end
echo "$attempt"
word=0
while [ "$word" -lt "$words" ]; do
  word=$((word + 1))
  [ $((word % 10)) = 0 ] && echo "$attempt.$word" || printf '%s ' "$attempt.$word"
done
exit "$code"
