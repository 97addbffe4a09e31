// Bare node:http that parks every GET of /worker/poll, and answers the longest parked one with the body of a POST.
import { serve } from './serve.mjs';

const parked = [];

serve((request, response) => {
  if (request.method === 'POST') relay(request, response);
  else if (request.url.startsWith('/worker/poll')) parked.push(response);
  else send(response, '{"status":"ok"}');
});

function relay(request, response) {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const poller = parked.shift();
    if (poller !== undefined) send(poller, Buffer.concat(chunks));
    send(response, '{"success":true}');
  });
}

function send(response, body) {
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.end(body);
}
