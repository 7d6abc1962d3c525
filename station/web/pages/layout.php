<?php

/**
 * The frame of all pages.
 *
 * @var Station\View $this
 * @var string $page
 * @var string $body
 * @var string $message
 * @var array<string, string> $parts
 */

declare(strict_types=1);

$isLive = in_array($page, self::LIVE, true);
?>
<!DOCTYPE html>
<html lang="<?= $this->texts->language ?>">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title><?= $this->say('station'), ' · ', $this->say("page $page") ?></title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/station.css">
<script src="/station.js" defer></script>
</head>
<body data-page="<?= $page ?>" data-live="<?= $isLive ? '1' : '' ?>"
  data-state="<?= $this->status->state ?>" data-cut="<?= $this->say('state cut') ?>"
  data-ages="<?= $this->e(json_encode($this->texts->ages())) ?>">
<a class="skip" href="#main"><?= $this->say('skip') ?></a>
<header>
  <h1><img src="/icon.svg" alt="" width="28" height="28"><?= $this->say('station') ?></h1>
  <p class="state" role="status" id="state"><?= $parts['state'] ?></p>
</header>
<?php if ($page !== 'login') : ?>
<nav aria-label="<?= $this->say('pages') ?>">
    <?php foreach (self::PAGES as $name => $address) : ?>
  <a href="<?= $address ?>"<?= $name === $page ? ' aria-current="page"' : '' ?>><?=
      $this->say("page $name") ?></a>
    <?php endforeach ?>
    <?php if ($this->session->hasPassword()) : ?>
  <form method="post" action="/logout"><?= $this->tokenField() ?>
    <button class="plain"><?= $this->say('logout') ?></button></form>
    <?php endif ?>
</nav>
<?php endif ?>
<main id="main">
<?php if ($isLive) : ?>
<noscript><p class="notice"><?= $this->say('no script') ?>
  <a href="<?= self::PAGES[$page] ?>"><?= $this->say('load again') ?></a></p></noscript>
<?php endif ?>
<?php if ($message !== '') : ?>
<p class="notice" role="status"><?= $this->e($message) ?></p>
<?php endif ?>
<?= $body ?>
</main>
<footer><?= $this->say('footer') ?></footer>
</body>
</html>
