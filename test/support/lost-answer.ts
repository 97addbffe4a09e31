/** A `fetch` that loses the first answer: what was asked is done all the same. */
export function losingFirstAnswer(): typeof fetch {
  let isLost = false;
  return async (input, init) => {
    const answer = await fetch(input, init);
    if (isLost) return answer;
    isLost = true;
    await answer.text();
    throw new TypeError('fetch failed');
  };
}
