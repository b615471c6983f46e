"""The rating site's pages: what raters and owners see in a browser.

============  ============================================================================
`site`        `Site`: a study as the site shows it
`serve`       a study's folder as a site, and the site in a server's worker processes
`app`         `create_app`: the FastAPI application, to be served by any ASGI server
`middleware`  headers and the refusal of cross-site posts, for every request
`errors`      exceptions as pages and as JSON
`access`      who may call what, and what a form sent
`sessions`    who is signed in: signed cookies, CSRF tokens, rate limits
`pages`       templates, and what they are given
`wording`     the words of the questions, answers and reasons
`payloads`    what forms send, and what the JSON endpoints take and give
`views`       a task as its rater sees it
`pictures`    images: only of leased tasks and of examples, only what browsers can show
`sign_in`     invitations, signing in and out, passwords
`rate`        the rating page, with plain forms
`grid`        one class and a grid of images, as pages with plain forms
`api`         answering as JSON, for the page's script and for programs
`gold`        gold, authored by experts
`adjudicate`  contested images, and what experts decide about them
`dashboard`   the owner's pages
`curation`    images withdrawn and gold unchosen, by forms on the owner's page
`charts`      where the bars of a chart stand
============  ============================================================================

Pages know nothing of files and studies (`serve` hands them a `Site`), and keep no state but the
counters of their rate limits.
"""

from reassess.web.app import create_app
from reassess.web.site import Site

__all__ = ["Site", "create_app"]
