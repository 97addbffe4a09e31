/** What clients entrust to the Task API, and nobody may see again: not in an answer, and not in any file. */
export const BOT_SECRET = 'bot-secret-of-the-fuzz-run';
/** Of a webhook, behind `whsec_`. */
export const SIGNING_SECRET = 'c2lnbmluZy1zZWNyZXQtb2YtdGhlLWZ1enotcnVu';
/** In the query of a webhook's URL: it has to be stored to be called, and is shown to nobody. */
export const QUERY_SECRET = 'query-secret-of-the-fuzz-run';

/** Not in any file. */
export const SEALED: readonly string[] = [BOT_SECRET, SIGNING_SECRET];
/** Not in any answer or event. */
export const UNSHOWN: readonly string[] = [...SEALED, QUERY_SECRET];
