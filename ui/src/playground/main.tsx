import { explorerPlugin } from '@graphiql/plugin-explorer';
import { ToolbarButton, useEditorContext, type GraphiQLPlugin } from '@graphiql/react';
import { setNonce } from 'get-nonce';
import { GraphiQL } from 'graphiql';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './playground.css';
import { mountBar } from '../shared/bar';
import { readConfig, type Example } from '../shared/config';
import { SessionStore } from '../shared/session';
import { makeFetcher } from './fetcher';
import { fillIn } from './placeholders';
import { fromAddress, linkTo } from './share';

const config = readConfig();
setNonce(config.nonce);
const session = new SessionStore(config.endpoint);
const bar = mountBar(document.getElementById('bar') as HTMLElement, config, session, '/graphql');
const fetcher = makeFetcher(session, bar.alert);
const explorer = explorerPlugin({ showAttribution: false });

const WELCOME = `# Run: the button, or Ctrl-Enter.
# Examples and Docs: the icons on the left.
query Courses {
  courses(first: 5) {
    totalCount
    nodes {
      id
      title
      teacher {
        lastName
      }
    }
  }
}
`;

const ExamplesIcon = () => (
  <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
    <path d="M4 3.5h12v13H4zM7 7h6M7 10h6M7 13h4" />
  </svg>
);
const LinkIcon = () => (
  <svg viewBox="0 0 20 20" className="graphiql-toolbar-icon" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
    <path d="M8 12a3.5 3.5 0 0 0 5 0l3-3a3.5 3.5 0 0 0-5-5l-1 1M12 8a3.5 3.5 0 0 0-5 0l-3 3a3.5 3.5 0 0 0 5 5l1-1" />
  </svg>
);

function Examples() {
  const { queryEditor, variableEditor, addTab } = useEditorContext({ nonNull: true });
  const [said, say] = useState('');
  async function open(example: Example): Promise<void> {
    const { variables, left } = await fillIn(example.variables, session);
    if (queryEditor?.getValue().trim()) addTab();
    // The new tab's editors are emptied first.
    window.setTimeout(() => {
      queryEditor?.setValue(example.query);
      variableEditor?.setValue(variables);
      say(
        left.length > 0
          ? `${example.name} is in the editor. ${left.includes('TOKEN') ? 'Put the token of a mutation’s sync in place of TOKEN, or run one and open this again' : `Put ids in place of ${left.join(', ')}${session.person ? '' : ', or sign in and open it again'}`}.`
          : `${example.name} is in the editor.`,
      );
    }, 0);
  }
  return (
    <section className="examples" aria-label="Examples">
      <h2 className="graphiql-doc-explorer-title">Examples</h2>
      <p role="status">{said}</p>
      <ul>
        {config.examples.map((example) => (
          <li key={example.name}>
            <button type="button" onClick={() => void open(example)}>
              {example.name}
            </button>
            <p>{example.about}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

const examplesPlugin: GraphiQLPlugin = { title: 'Examples', icon: ExamplesIcon, content: Examples };

/** CodeMirror's text areas have no names of their own, keep the Tab key, and are scrolled by mouse only. */
function useKeyboardInEditors(): void {
  const { queryEditor, variableEditor, headerEditor, responseEditor } = useEditorContext({ nonNull: true });
  useEffect(() => {
    const named = [
      [queryEditor, 'Operation'],
      [variableEditor, 'Variables, JSON'],
      [headerEditor, 'Headers, JSON'],
      [responseEditor, 'Answer'],
    ] as const;
    for (const [editor, name] of named) {
      if (!editor) continue;
      editor.getInputField().setAttribute('aria-label', name);
      editor.getScrollerElement().setAttribute('tabindex', '0');
      // Tab goes on to the next control (and still takes a suggestion): Prettify indents.
      editor.addKeyMap({ Tab: false, 'Shift-Tab': false });
    }
  }, [queryEditor, variableEditor, headerEditor, responseEditor]);
}

function Share() {
  const { queryEditor, variableEditor } = useEditorContext({ nonNull: true });
  useKeyboardInEditors();
  const [said, say] = useState('');
  async function share(): Promise<void> {
    const link = await linkTo({ query: queryEditor?.getValue() ?? '', variables: variableEditor?.getValue() ?? '' });
    history.replaceState(null, '', link);
    try {
      await navigator.clipboard.writeText(link);
      say('Link copied');
    } catch {
      say('The link is in the address bar');
    }
    window.setTimeout(() => say(''), 4_000);
  }
  return (
    <>
      <ToolbarButton label="Share: a link with query and variables" onClick={() => void share()}>
        <LinkIcon />
      </ToolbarButton>
      <span role="status" className={said ? 'share-said' : 'visually-hidden'}>
        {said}
      </span>
    </>
  );
}

/** Open the examples on a first visit; GraphiQL remembers what people open later. */
function openExamples(tries = 50): void {
  const button = document.querySelector<HTMLElement>('button[aria-label="Show Examples"]');
  if (button) button.click();
  else if (tries > 0) window.setTimeout(() => openExamples(tries - 1), 100);
}

function isFirstVisit(): boolean {
  try {
    return localStorage.getItem('graphiql:visiblePlugin') === null;
  } catch {
    return true;
  }
}

async function start(): Promise<void> {
  const firstVisit = isFirstVisit();
  const shared = await fromAddress();
  if (shared === null) bar.alert('The link is damaged: ask for it again.');
  if (shared !== undefined) history.replaceState(null, '', location.pathname);
  createRoot(document.getElementById('graphiql') as HTMLElement).render(
    <GraphiQL
      fetcher={fetcher}
      plugins={[examplesPlugin, explorer]}
      defaultQuery={WELCOME}
      defaultEditorToolsVisibility="variables"
      shouldPersistHeaders={false}
      {...(shared ? { query: shared.query, variables: shared.variables } : {})}
    >
      <GraphiQL.Logo>
        <span />
      </GraphiQL.Logo>
      <GraphiQL.Toolbar>
        {({ prettify, copy, merge }) => (
          <>
            {prettify}
            {merge}
            {copy}
            <Share />
          </>
        )}
      </GraphiQL.Toolbar>
    </GraphiQL>,
  );
  if (firstVisit && config.examples.length > 0 && window.innerWidth > 700) openExamples();
}

void start();
