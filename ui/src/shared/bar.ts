/** The bar above every page: where one is, who is signed in, and a way in. */
import type { Config } from './config';
import { h } from './dom';
import type { SessionStore } from './session';

const ROLES: Record<string, string> = { STUDENT: 'student', TEACHER: 'teacher', ADMIN: 'admin' };

export interface Bar {
  /** Tell something that people have to know; null takes it away. */
  alert(message: string | null): void;
}

export function mountBar(host: HTMLElement, config: Config, session: SessionStore, here: string): Bar {
  const status = h('p', { class: 'bar-status', role: 'status' });
  const problem = h('p', { class: 'bar-alert', role: 'alert', hidden: true });
  const ways = h('div', { class: 'bar-ways' });
  const links = h('nav', { class: 'bar-nav', 'aria-label': 'Pages' });
  const pages: [string, string][] = [['/', 'Lab Tutor'], ['/explore', 'Explore']];
  if (config.playground) pages.push(['/graphql', 'Playground']);
  for (const [href, label] of pages) {
    links.append(h('a', { href, 'aria-current': here === href ? 'page' : null }, label));
  }
  host.replaceChildren(h('div', { class: 'bar-row' }, links, status, ways), problem);

  function alert(message: string | null): void {
    problem.hidden = message === null;
    problem.textContent = message ?? '';
  }

  async function signIn(email: string, password: string): Promise<void> {
    const controls = ways.querySelectorAll<HTMLButtonElement | HTMLInputElement>('button, input');
    for (const control of controls) control.disabled = true;
    alert(null);
    status.textContent = 'Signing in…';
    const failure = await session.logIn(email, password);
    if (failure !== null) {
      status.textContent = 'Not signed in';
      alert(failure);
      for (const control of controls) control.disabled = false;
    }
  }

  function form(): HTMLElement {
    const email = h('input', { type: 'email', id: 'bar-email', name: 'email', autocomplete: 'username', required: true });
    const password = h('input', { type: 'password', id: 'bar-password', name: 'password', autocomplete: 'current-password', required: true });
    return h(
      'form',
      {
        class: 'bar-form',
        submit: (event: SubmitEvent) => {
          event.preventDefault();
          void signIn(email.value.trim(), password.value);
        },
      },
      h('label', { for: 'bar-email' }, 'E-mail'),
      email,
      h('label', { for: 'bar-password' }, 'Password'),
      password,
      h('button', { type: 'submit' }, 'Sign in'),
    );
  }

  function show(): void {
    const person = session.person;
    const hadFocus = ways.contains(document.activeElement);
    if (person) {
      status.textContent = `Signed in: ${person.firstName} ${person.lastName}, ${ROLES[person.role] ?? person.role.toLowerCase()}`;
      ways.replaceChildren(h('button', { type: 'button', click: () => void session.logOut() }, 'Sign out'));
      alert(null);
    } else {
      status.textContent = 'Not signed in';
      if (config.demoAccounts.length > 0) {
        const group = h('div', { class: 'bar-demo', role: 'group', 'aria-label': 'Sign in with a demo account' });
        group.append(h('span', { class: 'bar-hint' }, 'Sign in as'));
        for (const account of config.demoAccounts) {
          group.append(
            h('button', { type: 'button', title: account.email, click: () => void signIn(account.email, account.password) }, account.label),
          );
        }
        ways.replaceChildren(group, h('details', { class: 'bar-other' }, h('summary', {}, 'Other account'), form()));
      } else {
        ways.replaceChildren(form());
      }
      alert(session.ended);
    }
    if (hadFocus) ways.querySelector<HTMLElement>('button')?.focus();
  }

  session.addEventListener('change', show);
  show();
  return { alert };
}
