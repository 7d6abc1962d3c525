<?php

/** The last lines of the daemon's log. @var Station\View $this */

declare(strict_types=1);

use Station\Log;

$log = new Log();
$level = Log::level($_GET['level'] ?? null);
['lines' => $lines, 'position' => $position] = $log->lines($level);
?>
<section class="card wide" aria-labelledby="log">
  <h2 id="log"><?= $this->say('page log') ?></h2>
<?php if (!$log->exists()) : ?>
  <p class="hint"><?= $this->say('no log') ?></p>
<?php else : ?>
  <form method="get" action="/log" class="tools">
    <label><?= $this->say('level') ?> <select name="level">
    <?php foreach (Log::LEVELS as $one) : ?>
      <option value="<?= $one ?>"<?= $one === $level ? ' selected' : '' ?>><?=
          $this->say("level $one") ?></option>
    <?php endforeach ?>
    </select></label>
    <button class="plain"><?= $this->say('show') ?></button>
    <label class="follow" hidden><input type="checkbox" id="follow" checked>
      <?= $this->say('follow') ?></label>
    <a href="/log/download"><?= $this->say('download') ?></a>
  </form>
  <ol class="log" id="lines" tabindex="0" aria-label="<?= $this->say('page log') ?>"
    data-position="<?= $this->e($position) ?>" data-level="<?= $level ?>">
    <?php foreach ($lines as ['level' => $lineLevel, 'text' => $text]) : ?>
    <li class="<?= $this->e(strtolower($lineLevel)) ?>"><?= $this->e($text) ?></li>
    <?php endforeach ?>
  </ol>
<?php endif ?>
</section>
