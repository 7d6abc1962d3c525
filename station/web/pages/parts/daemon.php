<?php

/** All of the page `daemon`. @var Station\View $this */

declare(strict_types=1);

$status = $this->status;
$daemon = $status->daemon;
$launcher = $this->boards->newest('launcher');
$isAlive = $status->isDaemonAlive();
$time = fn (?int $moment): string => $moment === null ? "\u{2013}" : $this->texts->time($moment);
$moment = fn (?int $moment): string => $moment === null ? "\u{2013}" : $this->texts->moment($moment);
?>
<div class="sections">
<section class="card" aria-labelledby="daemon-title">
  <h2 id="daemon-title"><?= $this->say('page daemon') ?></h2>
  <p class="hint"><?= $this->say('daemon told') ?></p>
  <form method="post" action="/service" class="switch">
    <?= $this->tokenField() ?>
    <button name="running" value="1" class="start"<?= $status->isWanted ? ' disabled' : '' ?>><?=
        $this->say('start') ?></button>
    <button name="running" value="0" class="stop"<?= $status->isWanted ? '' : ' disabled' ?>><?=
        $this->say('stop') ?></button>
  </form>
  <dl>
    <?= $this->fact('daemon is', $this->say($isAlive ? 'alive' : 'not running')) ?>
    <?= $this->fact('it does', $isAlive ? $this->e($this->texts->of($daemon['state'])) : "\u{2013}") ?>
    <?= $this->fact('launcher is', $this->e($this->texts->of(
        ($launcher?->writerAlive ?? false) ? "launcher {$launcher['state']}" : 'launcher gone'
    ))) ?>
    <?= $this->fact('starts', $this->number($launcher['starts'] ?? null, 0)) ?>
    <?= $this->fact('started', $moment($launcher['started'] ?? null)) ?>
    <?= $this->fact('exited', $moment($launcher['exited'] ?? null)) ?>
    <?= $this->fact('exit reason', $this->e($launcher['exit_reason'] ?? "\u{2013}")) ?>
  </dl>
<?php if ($daemon['complaint'] ?? null) : ?>
  <p class="notice conflict"><?= $this->e($daemon['complaint']) ?></p>
<?php endif ?>
</section>
<section class="card" aria-labelledby="night-title">
  <h2 id="night-title"><?= $this->say('night') ?></h2>
  <p class="hint"><?= $this->say($status->config['latitude'] === null ? 'no place' : 'night told') ?></p>
  <dl>
    <?= $this->fact('sunrise', $time($daemon['sunrise'] ?? null)) ?>
    <?= $this->fact('sunset', $time($daemon['sunset'] ?? null)) ?>
    <?= $this->fact('port', $this->e(($daemon['port'] ?? '') ?: "\u{2013}")) ?>
  </dl>
</section>
<?php foreach (array_filter($daemon['serial'] ?? []) as $place => $serial) : ?>
    <?php $of = fn (string $count): int => $daemon[$count][$place] ?>
<section class="card" aria-label="<?= $this->e($status->name($serial)) ?>">
  <h2><?= $this->e($status->name($serial)) ?><span class="aside"><?= $this->say('since start') ?></span></h2>
  <dl>
    <?php foreach (['polls', 'answers', 'frames', 'asked_again', 'damaged'] as $count) : ?>
        <?= $this->fact($count, $this->number($of($count), 0, '', "$serial-$count")) ?>
    <?php endforeach ?>
    <?= $this->fact('unanswered', $of('polls') === 0 ? "\u{2013}"
        : $this->number(100 * (1 - $of('answers') / $of('polls')), 1, '%')) ?>
  </dl>
</section>
<?php endforeach ?>
</div>
