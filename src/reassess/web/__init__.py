"""The rating site's pages: what raters and owners see in a browser.

==============  ==========================================================================
`site`          `Site`: a study as the site shows it
`app`           `create_app`: the FastAPI application, to be served by any ASGI server
`guard`         headers, size limits and the refusal of cross-site posts, for every request
`sessions`      who is signed in: signed cookies, CSRF tokens, rate limits
`pages`         templates, and what they are given
`wording`       the words of the questions, answers and reasons
`payloads`      what the JSON endpoints take and give
`pictures`      images: only of leased screens and of examples, only what browsers can show
`entering`      invitations, signing in and out, passwords
`answering`     the rating screen as pages with plain forms
`sweeping`      one class and a grid of images, as pages with plain forms
`programs`      answering as JSON, for the page's script and for programs
`judging`       gold, authored by experts
`adjudicating`  contested images, and what experts decide about them
`owning`        the owner's pages
`charts`        where the bars of a chart stand
`forms`         what plain forms send, as numbers and answers
==============  ==========================================================================

Knows nothing of files and studies (`reassess.site.store` builds the `Site`), and keeps no
state but the counters of its rate limits.
"""

from reassess.web.app import create_app
from reassess.web.site import Site

__all__ = ["Site", "create_app"]
