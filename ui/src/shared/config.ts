/** What the server tells the page: a JSON data block, so that no script is ever inline. */
export interface DemoAccount {
  label: string;
  email: string;
  password: string;
}

export interface Example {
  name: string;
  about: string;
  query: string;
  variables: string;
}

export interface Config {
  endpoint: string;
  version: string;
  nonce: string;
  playground: boolean;
  demoAccounts: DemoAccount[];
  examples: Example[];
}

export function readConfig(): Config {
  const block = document.getElementById('config');
  return JSON.parse(block?.textContent ?? '{}') as Config;
}
