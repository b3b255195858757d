// The wire: requests that carry the key, and server-sent events read from a fetch.

export class ApiError extends Error {
  constructor(status, { message, hint = "" }, body = {}) {
    super(message);
    this.status = status;
    this.hint = hint;
    this.body = body;
  }
}

const OFFLINE = { message: "Pilothouse does not answer.", hint: "Is it running? Try bin/pilothouse status." };

export async function request(path, { key, ...options } = {}) {
  const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
  const response = await fetch(path, { ...options, headers }).catch((error) => {
    throw error.name === "AbortError" ? error : new ApiError(0, OFFLINE);
  });
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new ApiError(response.status, body.error ?? { message: body.detail ?? `The answer was ${response.status}.` }, body);
}

export async function* events(body) {
  let rest = "";
  for await (const chunk of decoded(body)) {
    const blocks = (rest + chunk).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parse(block);
      if (event) yield event;
    }
  }
}

async function* decoded(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

function parse(block) {
  const lines = block.split("\n");
  const field = (name) => lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trimStart());
  const data = field("data").join("\n");
  return data ? { ...JSON.parse(data), type: field("event")[0], number: Number(field("id")[0]) } : null;
}
