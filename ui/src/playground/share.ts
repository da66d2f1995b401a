/** Share links: query and variables in the URL's fragment, deflated. A fragment is never sent to a server. */
export interface Shared {
  query: string;
  variables: string;
}

async function through(bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream): Promise<Uint8Array<ArrayBuffer>> {
  const piped = new Blob([bytes]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

export async function linkTo(shared: Shared): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify([shared.query, shared.variables]));
  const packed = await through(text, new CompressionStream('deflate-raw'));
  let binary = '';
  for (const byte of packed) binary += String.fromCharCode(byte);
  const code = btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return `${location.origin}${location.pathname}#q=${code}`;
}

/** Return what the address holds; undefined where it holds no link, null where the link is damaged. */
export async function fromAddress(): Promise<Shared | null | undefined> {
  const code = /^#q=([\w-]+)$/.exec(location.hash)?.[1];
  if (code === undefined) return undefined;
  try {
    const binary = atob(code.replaceAll('-', '+').replaceAll('_', '/'));
    const packed = Uint8Array.from(binary, (c) => c.charCodeAt(0));
    const text = new TextDecoder().decode(await through(packed, new DecompressionStream('deflate-raw')));
    const [query, variables] = JSON.parse(text) as unknown[];
    if (typeof query === 'string' && typeof variables === 'string') return { query, variables };
  } catch {
    // A damaged link is told below.
  }
  return null;
}
